/** Times for people, in their language. The present is an argument. */
import { byLocale, t } from '@/language/translate'

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 24 * 3600],
  ['month', 30 * 24 * 3600],
  ['day', 24 * 3600],
  ['hour', 3600],
  ['minute', 60],
]

const relative = byLocale((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }))
const absolute = byLocale((locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }))

/** "3 minutes ago", "yesterday", "just now". Empty for an unreadable time. */
export function ago(time: string, now: number): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000)
  if (Number.isNaN(seconds)) return ''
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative().format(Math.round(seconds / size), unit)
  }
  return t('just now')
}

/** Date and time in the reader's own zone. */
export function fullTime(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? '' : absolute().format(date)
}

/** "4 s", "2 min 05 s", "1 h 02 min". Null without a start. */
export function duration(start: string | null | undefined, end: string | null | undefined, now: number): string | null {
  if (!start) return null
  const from = Date.parse(start)
  const to = end ? Date.parse(end) : now
  if (Number.isNaN(from) || Number.isNaN(to)) return null
  const seconds = Math.max(0, Math.floor((to - from) / 1000))
  if (seconds < 60) return t('{seconds} s', { seconds })
  const pad = (value: number) => String(value).padStart(2, '0')
  if (seconds < 3600) return t('{minutes} min {seconds} s', { minutes: Math.floor(seconds / 60), seconds: pad(seconds % 60) })
  return t('{hours} h {minutes} min', { hours: Math.floor(seconds / 3600), minutes: pad(Math.floor(seconds / 60) % 60) })
}
