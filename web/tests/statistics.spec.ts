import { describe, expect, it } from 'vitest'
import type { DayStatistics } from '@/api/statistics'
import { bars, firstDay, sum, ticks } from '@/statistics/bars'

const NOW = Date.parse('2026-03-10T15:00:00Z')

describe('the bars of a chart', () => {
  it('has one for each day up to today, also for those without tasks', () => {
    const made = bars([{ date: '2026-03-09', count_by_status: { success: 2, error: 1, running: 1, rejected: 1 } }], firstDay(7, NOW), NOW)
    expect(made.map((bar) => bar.from)).toEqual(['2026-03-04', '2026-03-05', '2026-03-06', '2026-03-07', '2026-03-08', '2026-03-09', '2026-03-10'])
    expect(made[5]).toMatchObject({ counts: { success: 2, error: 1, stopped: 0, unfinished: 2 }, total: 5 })
    expect(sum(made).total).toBe(5)
  })

  it('has one for each week of a long time, and loses no task', () => {
    const days: DayStatistics[] = [{ date: '2026-03-10', count_by_status: { success: 1 } }, { date: '2025-03-11', count_by_status: { stopped: 4 } }]
    const made = bars(days, firstDay(365, NOW), NOW)
    expect(made).toHaveLength(53)
    expect(made[0]).toMatchObject({ from: '2025-03-11', to: '2025-03-17', total: 4 })
    expect(made.at(-1)?.to).toBe('2026-03-10')
    expect(sum(made)).toMatchObject({ success: 1, stopped: 4, total: 5 })
  })

  it('ends with the day that is asked for', () => {
    const made = bars([{ date: '2026-02-02', count_by_status: { success: 1 } }], '2026-02-01', Date.parse('2026-02-03'))
    expect(made.map((bar) => [bar.from, bar.total])).toEqual([['2026-02-01', 0], ['2026-02-02', 1], ['2026-02-03', 0]])
  })

  it('begins with the first day that has tasks if no day is asked for', () => {
    expect(bars([{ date: '2026-03-08', count_by_status: { success: 1 } }], undefined, NOW)[0]?.from).toBe('2026-03-08')
    expect(bars([], undefined, NOW)).toHaveLength(1)
  })

  it('counts a task that was made before the first day on that day', () => {
    expect(bars([{ date: '2026-03-01', count_by_status: { success: 1 } }], firstDay(7, NOW), NOW)[0]?.total).toBe(1)
  })

  it('draws lines at round numbers, whole ones', () => {
    expect(ticks(0)).toEqual([0, 1])
    expect(ticks(3)).toEqual([0, 1, 2, 3])
    expect(ticks(37)).toEqual([0, 10, 20, 30, 40])
    expect(ticks(1000).at(-1)).toBe(1000)
  })
})
