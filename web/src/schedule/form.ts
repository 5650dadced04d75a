/** The form of a schedule: taking an expression apart and together again, and the times of fields. */
import type { Schedule, SchedulePolicy } from '@/api/schedules'
import { t } from '@/language/translate'
import type { Problems } from '@/resource/shapes'

export interface ScheduleForm {
  id: number
  name: string
  template_id: number | null
  type: '' | 'run_at'
  cron: string
  /** Empty: the zone of the server. */
  zone: string
  /** It runs only if the branch of this repository has a new commit. */
  repository_id: number | null
  /** As a field for date and time has it, in the reader's own zone. */
  run_at: string
  delete_after_run: boolean
  active: boolean
  policy: SchedulePolicy
}

export const DEFAULT_POLICY: SchedulePolicy = { misfire: 'skip', overlap: 'queue' }

/** The zone and the rest of an expression. */
export function splitCron(expression: string): { zone: string; cron: string } {
  const found = /^\s*(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/.exec(expression)
  return found ? { zone: found[1] ?? '', cron: (found[2] ?? '').trim() } : { zone: '', cron: expression.trim() }
}

export function joinCron(form: Pick<ScheduleForm, 'cron' | 'zone'>): string {
  return form.zone ? `CRON_TZ=${form.zone} ${form.cron.trim()}` : form.cron.trim()
}

export function scheduleForm(schedule: Schedule | null, policy: SchedulePolicy = DEFAULT_POLICY): ScheduleForm {
  const { zone, cron } = splitCron(schedule?.cron_format ?? '0 3 * * *')
  return {
    id: schedule?.id ?? 0,
    name: schedule?.name ?? '',
    template_id: schedule?.template_id ?? null,
    type: schedule?.type ?? '',
    cron,
    zone,
    repository_id: schedule?.repository_id ?? null,
    run_at: schedule?.run_at ? localTime(schedule.run_at) : '',
    delete_after_run: schedule?.delete_after_run ?? false,
    active: schedule?.active ?? true,
    policy: { ...policy },
  }
}

/** A moment as the value of a field for date and time, to the minute. */
export function localTime(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return ''
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function checkSchedule(form: ScheduleForm, now: number): Problems {
  const problems: Problems = {}
  if (form.name.trim() === '') problems.name = t('Enter a name.')
  if (form.template_id === null) problems.template_id = t('Choose a template.')
  if (form.type === 'run_at') {
    const time = Date.parse(form.run_at)
    if (Number.isNaN(time)) problems.run_at = t('Enter date and time.')
    else if (time <= now) problems.run_at = t('This is over: enter a time in the future.')
  } else if (form.cron.trim() === '') {
    problems.cron = t('Enter an expression such as 0 3 * * * (every day at three).')
  }
  return problems
}

/** Whether it looks for a new commit first; one for a single time does not. */
export const waitsForCommit = (form: Pick<ScheduleForm, 'type' | 'repository_id'>) => form.type === '' && form.repository_id !== null

/** The body of a request, without what its tasks are to use. */
export function scheduleBody(form: ScheduleForm): object {
  const once = form.type === 'run_at'
  return {
    name: form.name.trim(),
    template_id: form.template_id,
    type: form.type,
    cron_format: once ? '' : joinCron(form),
    run_at: once ? new Date(form.run_at).toISOString() : null,
    delete_after_run: once && form.delete_after_run,
    repository_id: once ? null : form.repository_id,
    // Those that wait for a commit run whatever is said here, so nothing else is stored of them.
    active: form.active || waitsForCommit(form),
  }
}
