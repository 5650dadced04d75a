/** What a plan says in one line. */
import type { JobStage, PlanSummary } from '@/api/types'
import { t } from '@/language/translate'

export interface PlanPart {
  kind: keyof PlanSummary
  words: string
}

const PARTS: [keyof PlanSummary, (count: number) => string][] = [
  ['import', (count) => t('{count} to import', { count })],
  ['add', (count) => t('{count} to add', { count })],
  ['change', (count) => t('{count} to change', { count })],
  ['destroy', (count) => t('{count} to destroy', { count })],
]

/** The counts that are not zero, in the program's own order. Without any the plan changes outputs at most. */
export function planParts(plan: PlanSummary): PlanPart[] {
  return PARTS.filter(([kind]) => plan[kind] > 0).map(([kind, words]) => ({ kind, words: words(plan[kind]) }))
}

/** The plan that was made last. */
export function lastPlan(stages: JobStage[]): PlanSummary | null {
  return stages.findLast((stage) => stage.plan)?.plan ?? null
}
