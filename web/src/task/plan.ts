/** What a plan says in one line. */
import type { JobStage, PlanSummary } from '@/api/types'

export interface PlanPart {
  kind: keyof PlanSummary
  words: string
}

const PARTS: [keyof PlanSummary, string][] = [
  ['import', 'to import'],
  ['add', 'to add'],
  ['change', 'to change'],
  ['destroy', 'to destroy'],
]

/** The counts that are not zero, in the program's own order. Without any the plan changes outputs at most. */
export function planParts(plan: PlanSummary): PlanPart[] {
  return PARTS.filter(([kind]) => plan[kind] > 0).map(([kind, words]) => ({ kind, words: `${plan[kind]} ${words}` }))
}

/** The plan that was made last. */
export function lastPlan(stages: JobStage[]): PlanSummary | null {
  return stages.findLast((stage) => stage.plan)?.plan ?? null
}
