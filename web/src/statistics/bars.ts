/** Counts of days as the bars of a chart. Nothing here asks the server or draws. */
import type { DayStatistics } from '@/api/statistics'

/** How tasks ended, as far as a chart tells them apart; in the order in which a bar shows them, from its foot. */
export const OUTCOMES = ['success', 'error', 'stopped', 'unfinished'] as const
export type Outcome = (typeof OUTCOMES)[number]
export type Counts = Record<Outcome, number>

export interface Bar {
  /** First day that it counts, in UTC. */
  readonly from: string
  /** Last day that it counts. */
  readonly to: string
  readonly counts: Counts
  readonly total: number
}

const DAY_MS = 86_400_000
/** A chart of more days has a bar for each week. */
const MOST_DAYS = 92

const outcomeOf = (status: string): Outcome => (status === 'success' || status === 'error' || status === 'stopped' ? status : 'unfinished')
const none = (): Counts => ({ success: 0, error: 0, stopped: 0, unfinished: 0 })
const dayOf = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10)

/** The day that many days ago, counted from one day for today; in UTC as the server counts. */
export function firstDay(days: number, now: number): string {
  return dayOf(now - (days - 1) * DAY_MS)
}

/** A bar for each day from `start` (or the first day with tasks) to today, also for those without tasks; or for each week. */
export function bars(days: readonly DayStatistics[], start: string | undefined, now: number): Bar[] {
  const dates = days.map((day) => day.date).sort()
  const first = Date.parse(start ?? dates[0] ?? dayOf(now))
  const last = Date.parse(dayOf(now))
  const count = Math.floor((last - first) / DAY_MS) + 1
  const step = count > MOST_DAYS ? 7 : 1
  const made = Array.from({ length: Math.ceil(Math.max(count, 1) / step) }, (_, index) => ({
    from: dayOf(first + index * step * DAY_MS),
    to: dayOf(Math.min(first + (index * step + step - 1) * DAY_MS, last)),
    counts: none(),
    total: 0,
  }))
  for (const day of days) {
    // A task that was made before the first day may have begun on it.
    const index = Math.max(0, Math.floor((Date.parse(day.date) - first) / DAY_MS / step))
    const bar = made[Math.min(index, made.length - 1)]
    if (!bar) continue
    for (const [status, number] of Object.entries(day.count_by_status)) {
      bar.counts[outcomeOf(status)] += number
      bar.total += number
    }
  }
  return made
}

export function sum(of: readonly Bar[]): Counts & { total: number } {
  const all = { ...none(), total: 0 }
  for (const bar of of) {
    for (const outcome of OUTCOMES) all[outcome] += bar.counts[outcome]
    all.total += bar.total
  }
  return all
}

/** Where lines are drawn across the chart: round numbers up to the first one that is not below the highest bar. */
export function ticks(highest: number): number[] {
  const rough = Math.max(highest, 1) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough) ?? 1)
  return Array.from({ length: Math.ceil(Math.max(highest, 1) / step) + 1 }, (_, index) => index * step)
}
