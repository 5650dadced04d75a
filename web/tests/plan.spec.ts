import { describe, expect, it } from 'vitest'
import type { JobStage, PlanSummary } from '@/api/types'
import { lastPlan, planParts } from '@/task/plan'

const nothing: PlanSummary = { add: 0, change: 0, destroy: 0, import: 0 }

function stage(name: string, plan?: PlanSummary): JobStage {
  return { stage: name, start: '2026-01-01T00:00:00Z', end: null, plan }
}

describe('the summary of a plan', () => {
  it('names what is not zero', () => {
    const plan = { add: 2, change: 0, destroy: 11, import: 1 }
    expect(planParts(plan).map((part) => part.words)).toEqual(['1 to import', '2 to add', '11 to destroy'])
    expect(planParts({ ...nothing, change: 3 })).toEqual([{ kind: 'change', words: '3 to change' }])
    expect(planParts(nothing)).toEqual([])
  })

  it('is that of the last stage that has one', () => {
    expect(lastPlan([])).toBeNull()
    expect(lastPlan([stage('workspace'), stage('run')])).toBeNull()
    const plan = { ...nothing, add: 1 }
    expect(lastPlan([stage('run', nothing), stage('run', plan), stage('after')])).toEqual(plan)
  })
})
