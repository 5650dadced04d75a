/** What two tasks were given and how they ended, side by side. */
import type { Task } from '@/api/types'
import { statusLook } from '@/task/status'
import { duration, fullTime } from '@/task/time'

export interface Fact {
  readonly name: string
  readonly before: string
  readonly now: string
  readonly differs: boolean
}

export interface Names {
  inventory(id: number): string
  starter(task: Task): string
}

const NONE = '–'

const PARAMETERS: Record<string, string> = {
  dry_run: 'Dry run',
  diff: 'Show differences',
  debug: 'Debug output',
  debug_level: 'Debug level',
  limit: 'Limit',
  tags: 'Tags',
  skip_tags: 'Skipped tags',
  plan: 'Plan only',
  destroy: 'Destroy',
  auto_approve: 'Approve by itself',
  upgrade: 'Upgrade',
  reconfigure: 'Reconfigure',
}

/** Facts that at least one of them has; what differs in every run, such as the time, never counts as a difference. */
export function factsOf(before: Task, now: Task, names: Names, present: number): Fact[] {
  const facts: Fact[] = []
  const add = (name: string, of: (task: Task) => string, counts = true) => {
    const [one, other] = [of(before), of(now)]
    if (one !== NONE || other !== NONE) facts.push({ name, before: one, now: other, differs: counts && one !== other })
  }
  add('Status', (task) => statusLook(task.status).label)
  add('Duration', (task) => duration(task.start, task.end, present) ?? NONE)
  add('Started', (task) => fullTime(task.start ?? task.created), false)
  add('By', (task) => names.starter(task))
  add('Commit', (task) => (task.commit_hash ? `${task.commit_hash.slice(0, 8)} ${task.commit_message ?? ''}`.trim() : NONE))
  add('Branch', (task) => task.git_branch || NONE)
  add('Version', (task) => task.version || NONE)
  add('Build', (task) => (task.build_task_id ? `#${task.build_task_id}` : NONE))
  add('Inventory', (task) => (task.inventory_id ? names.inventory(task.inventory_id) : NONE))
  add('Message', (task) => task.message || NONE)
  add('Arguments', (task) => argumentText(task.arguments))
  for (const key of keysOf(before.params, now.params)) add(PARAMETERS[key] ?? key, (task) => valueText(task.params?.[key]))
  const variables = (task: Task) => objectOf(task.environment)
  for (const key of keysOf(variables(before), variables(now))) add(`Variable ${key}`, (task) => valueText(variables(task)[key]))
  return facts
}

function keysOf(one: Record<string, unknown> | null | undefined, other: Record<string, unknown> | null | undefined): string[] {
  return [...new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})])].sort()
}

function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '' || value === false) return NONE
  if (value === true) return 'Yes'
  if (Array.isArray(value)) return value.length === 0 ? NONE : value.map(String).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function argumentText(text: string | null | undefined): string {
  if (!text || text === '[]') return NONE
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.map(String).join(' ') : text
  } catch {
    return text
  }
}

function objectOf(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The newest task of a list that is older than another one. */
export function previousOf<Each extends Task>(tasks: readonly Each[], task: number): Each | null {
  return tasks.reduce<Each | null>((best, each) => (each.id < task && (best === null || each.id > best.id) ? each : best), null)
}
