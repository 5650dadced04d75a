/** Calls about how many tasks of a project ended how. */
import { requestList } from './client'

const DAY_MS = 86_400_000

/** The tasks that were made on one day, counted by status. */
export interface DayStatistics {
  /** In UTC, as `2026-11-22`. */
  date: string
  count_by_status: Record<string, number>
}

export interface StatisticsFilter {
  template?: number
  /** First day, as `2026-11-22`; tasks that have never begun are not counted then. */
  start?: string
  /** Last day; only tasks that have ended are counted then. */
  end?: string
  user?: number
}

/** Latest day first; days without tasks are not in it. */
export function statistics(project: number, filter: StatisticsFilter, signal?: AbortSignal): Promise<DayStatistics[]> {
  const query = new URLSearchParams()
  if (filter.start !== undefined) query.set('start', filter.start)
  // The server counts what had ended before a day began.
  if (filter.end !== undefined) query.set('end', new Date(Date.parse(filter.end) + DAY_MS).toISOString().slice(0, 10))
  if (filter.user !== undefined) query.set('user_id', String(filter.user))
  const of = filter.template === undefined ? `project/${project}/stats` : `project/${project}/templates/${filter.template}/stats`
  const text = query.toString()
  return requestList<DayStatistics>(text === '' ? of : `${of}?${text}`, signal)
}
