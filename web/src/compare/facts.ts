/** What two tasks were given and how they ended, side by side. */
import type { Task } from '@/api/types'
import { phrase, t } from '@/language/translate'
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
  dry_run: phrase('Dry run'),
  diff: phrase('Show differences'),
  debug: phrase('Debug output'),
  debug_level: phrase('Debug level'),
  limit: phrase('Limit'),
  tags: phrase('Tags'),
  skip_tags: phrase('Skipped tags'),
  plan: phrase('Plan only'),
  destroy: phrase('Destroy'),
  auto_approve: phrase('Approve by itself'),
  upgrade: phrase('Upgrade'),
  reconfigure: phrase('Reconfigure'),
}

/** A parameter that is new to this page is called as the server calls it. */
function parameterName(key: string): string {
  const name = PARAMETERS[key]
  return name === undefined ? key : t(name)
}

/** Facts that at least one of them has; what differs in every run, such as the time, never counts as a difference. */
export function factsOf(before: Task, now: Task, names: Names, present: number): Fact[] {
  const facts: Fact[] = []
  const add = (name: string, of: (task: Task) => string, counts = true) => {
    const [one, other] = [of(before), of(now)]
    if (one !== NONE || other !== NONE) facts.push({ name, before: one, now: other, differs: counts && one !== other })
  }
  add(t('Status'), (task) => statusLook(task.status).label)
  add(t('Duration'), (task) => duration(task.start, task.end, present) ?? NONE)
  add(t('Started'), (task) => fullTime(task.start ?? task.created), false)
  add(t('By'), (task) => names.starter(task))
  add(t('Commit'), (task) => (task.commit_hash ? `${task.commit_hash.slice(0, 8)} ${task.commit_message ?? ''}`.trim() : NONE))
  add(t('Branch'), (task) => task.git_branch || NONE)
  add(t('Version'), (task) => task.version || NONE)
  add(t('Build'), (task) => (task.build_task_id ? `#${task.build_task_id}` : NONE))
  add(t('Inventory'), (task) => (task.inventory_id ? names.inventory(task.inventory_id) : NONE))
  add(t('Message'), (task) => task.message || NONE)
  add(t('Arguments'), (task) => argumentText(task.arguments))
  for (const key of keysOf(before.params, now.params)) add(parameterName(key), (task) => valueText(task.params?.[key]))
  const variables = (task: Task) => objectOf(task.environment)
  for (const key of keysOf(variables(before), variables(now))) add(t('Variable {name}', { name: key }), (task) => valueText(variables(task)[key]))
  return facts
}

function keysOf(one: Record<string, unknown> | null | undefined, other: Record<string, unknown> | null | undefined): string[] {
  return [...new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})])].sort()
}

function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '' || value === false) return NONE
  if (value === true) return t('Yes')
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
