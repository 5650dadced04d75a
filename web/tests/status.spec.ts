import { describe, expect, it } from 'vitest'
import type { Task, TaskStatus, UpdateFrame } from '@/api/types'
import { hasEnded, reduceRows, reduceTask, statusLook, type TaskState } from '@/task/status'
import { ago, duration } from '@/task/time'

function task(status: TaskStatus, more: Partial<Task> = {}): Task {
  return { id: 7, template_id: 1, project_id: 1, status, created: '2026-01-01T00:00:00Z', ...more }
}

function frame(status: TaskStatus, more: Partial<UpdateFrame> = {}): UpdateFrame {
  return { type: 'update', project_id: 1, task_id: 7, template_id: 1, status, start: null, end: null, version: null, ...more }
}

describe('the state of a task', () => {
  it.each<[string, TaskStatus, TaskStatus, TaskStatus]>([
    ['goes on', 'waiting', 'starting', 'starting'],
    ['may come back from a confirmation', 'confirmed', 'running', 'running'],
    ['stops', 'running', 'stopping', 'stopping'],
    ['ends', 'stopping', 'stopped', 'stopped'],
    ['does not live again', 'success', 'running', 'success'],
    ['stays stopped', 'stopped', 'stopping', 'stopped'],
  ])('%s: %s and %s', (_name, before, news, expected) => {
    const state: TaskState = { task: task(before), asOf: 0 }
    expect(reduceTask(state, { kind: 'update', frame: frame(news), asOf: 1 })?.task.status).toBe(expected)
  })

  it('keeps start and end that it knows', () => {
    let state = reduceTask(null, { kind: 'fetched', task: task('running', { start: 'S' }), asOf: 1 })
    state = reduceTask(state, { kind: 'update', frame: frame('success', { end: 'E' }), asOf: 2 })
    expect(state?.task).toMatchObject({ status: 'success', start: 'S', end: 'E' })
    state = reduceTask(state, { kind: 'update', frame: frame('success'), asOf: 3 })
    expect(state?.task).toMatchObject({ start: 'S', end: 'E' })
  })

  it('an answer that was asked for before the newest frame does not set the status back', () => {
    let state = reduceTask(null, { kind: 'fetched', task: task('waiting'), asOf: 1 })
    state = reduceTask(state, { kind: 'update', frame: frame('running', { start: 'S' }), asOf: 10 })
    state = reduceTask(state, { kind: 'fetched', task: task('waiting', { commit_hash: 'abc' }), asOf: 5 })
    expect(state?.task).toMatchObject({ status: 'running', start: 'S', commit_hash: 'abc' })
  })

  it('a newer answer counts, and an end counts always', () => {
    let state = reduceTask(null, { kind: 'fetched', task: task('waiting'), asOf: 1 })
    state = reduceTask(state, { kind: 'fetched', task: task('running'), asOf: 2 })
    expect(state?.task.status).toBe('running')
    state = reduceTask(state, { kind: 'update', frame: frame('stopping'), asOf: 9 })
    state = reduceTask(state, { kind: 'fetched', task: task('stopped', { end: 'E' }), asOf: 3 })
    expect(state?.task).toMatchObject({ status: 'stopped', end: 'E' })
  })

  it('frames of other tasks and frames before the first answer change nothing', () => {
    expect(reduceTask(null, { kind: 'update', frame: frame('running'), asOf: 1 })).toBeNull()
    const state: TaskState = { task: task('waiting'), asOf: 0 }
    expect(reduceTask(state, { kind: 'update', frame: frame('running', { task_id: 8 }), asOf: 1 })).toBe(state)
  })

  it('rows of a list are replaced, unknown tasks are told', () => {
    const rows = [task('running'), task('waiting', { id: 8 })]
    const next = reduceRows(rows, frame('success', { task_id: 8 }))
    expect(next?.map((row) => row.status)).toEqual(['running', 'success'])
    expect(next?.[0]).toBe(rows[0])
    expect(reduceRows(rows, frame('success', { task_id: 9 }))).toBeNull()
  })

  it('knows the ends and names every status', () => {
    expect((['success', 'error', 'stopped'] as const).every(hasEnded)).toBe(true)
    expect((['waiting', 'stopping', 'rejected', 'confirmed'] as const).some(hasEnded)).toBe(false)
    expect(statusLook('error').label).toBe('Failed')
    expect(statusLook('of a newer server')).toEqual({ label: 'of a newer server', tone: 'neutral' })
  })
})

describe('times', () => {
  const now = Date.parse('2026-01-01T12:00:00Z')
  it.each([
    ['2026-01-01T11:59:40Z', 'just now'],
    ['2026-01-01T11:57:00Z', '3 minutes ago'],
    ['2025-12-31T12:00:00Z', 'yesterday'],
    ['2024-01-01T00:00:00Z', '2 years ago'],
    ['nonsense', ''],
  ])('%s is %s', (time, text) => {
    expect(ago(time, now)).toBe(text)
  })

  it.each([
    [null, null, null],
    ['2026-01-01T11:59:55Z', null, '5 s'],
    ['2026-01-01T11:00:00Z', '2026-01-01T11:02:05Z', '2 min 05 s'],
    ['2026-01-01T10:00:00Z', '2026-01-01T11:02:05Z', '1 h 02 min'],
    ['2026-01-01T12:00:09Z', null, '0 s'],
  ])('from %s to %s: %s', (start, end, text) => {
    expect(duration(start, end, now)).toBe(text)
  })
})
