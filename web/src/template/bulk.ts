/** What is done with several templates at once: one after the other, each with a report of its own. */
import { ApiError, describe } from '@/api/client'
import { api } from '@/api/endpoints'
import { templateApi } from '@/api/templates'
import type { Template } from '@/api/types'
import { t } from '@/language/translate'
import { referrerNames } from '@/resource/shapes'
import { loadRun } from '@/run/load'
import { newTask } from '@/run/request'
import { checkValues } from '@/run/survey'

export type BulkAction = 'run' | 'stop' | 'delete'

/** What became of one of them. `task` is the number of the new task. */
export interface Report {
  readonly id: number
  readonly name: string
  readonly state: 'waiting' | 'busy' | 'done' | 'refused'
  readonly words: string
  readonly task?: number
}

/** Does it and says in words what was done; throws what is to be told otherwise. */
async function perform(action: BulkAction, project: number, template: Template): Promise<{ words: string; task?: number }> {
  if (action === 'run') {
    const run = await loadRun(project, template.id, null)
    const problems = Object.values(checkValues(run.template.survey_vars ?? [], run.form.survey))
    if (problems.length > 0) throw new Error(t('It asks for something that has no default: {problems} Run it by itself.', { problems: problems.join(' ') }))
    const task = await api.createTask(project, newTask(run.template, run.form))
    return { words: t('Task #{id} is made.', { id: task.id }), task: task.id }
  }
  if (action === 'stop') {
    await templateApi.stopAll(project, template.id)
    return { words: t('Its tasks are told to stop.') }
  }
  const users = referrerNames(await templateApi.referrers(project, template.id))
  if (users.length > 0) throw new Error(t('It is in use by {users}.', { users: users.join(', ') }))
  await templateApi.remove(project, template.id)
  return { words: t('It is deleted.') }
}

/**
 * Does the same with each template, in their order. `report` is called with the whole list whenever something has changed.
 * One that is refused does not keep the others from being done; without a session or a server nothing more is tried.
 */
export async function performAll(action: BulkAction, project: number, templates: readonly Template[], report: (all: Report[]) => void): Promise<void> {
  const all: Report[] = templates.map(({ id, name }) => ({ id, name, state: 'waiting', words: '' }))
  const set = (index: number, change: Partial<Report>) => {
    const before = all[index]
    if (before) all[index] = { ...before, ...change }
    report([...all])
  }
  report([...all])
  let end: string | null = null
  for (const [index, template] of templates.entries()) {
    if (end !== null) {
      set(index, { state: 'refused', words: t('Not tried: {reason}', { reason: end }) })
      continue
    }
    set(index, { state: 'busy' })
    try {
      set(index, { state: 'done', ...(await perform(action, project, template)) })
    } catch (cause) {
      set(index, { state: 'refused', words: describe(cause) })
      if (cause instanceof ApiError && (cause.status === 0 || cause.status === 401)) end = describe(cause)
    }
  }
}
