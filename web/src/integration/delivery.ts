/** Words about what came to an integration. Pure: nothing here asks the server. */
import type { Delivery, DeliveryContent, DeliveryOutcome } from '@/api/integrations'
import { byLocale, phrase, plural, t } from '@/language/translate'

export interface OutcomeLook {
  readonly label: string
  readonly tone: 'success' | 'error' | 'attention' | 'quiet'
}

/** The labels are said by `t`. */
const LOOKS: Record<DeliveryOutcome, OutcomeLook> = {
  started: { label: phrase('Started a task'), tone: 'success' },
  no_match: { label: phrase('Rules not met'), tone: 'quiet' },
  refused: { label: phrase('Refused'), tone: 'attention' },
  limited: { label: phrase('Too many wrong proofs'), tone: 'attention' },
  failed: { label: phrase('Failed'), tone: 'error' },
}

/** What became of it, for people; a word that is new to this page is shown as it is. */
export function outcomeLook(outcome: string): OutcomeLook {
  const look = (LOOKS as Record<string, OutcomeLook | undefined>)[outcome]
  return look ? { label: t(look.label), tone: look.tone } : { label: outcome, tone: 'quiet' }
}

const tenths = byLocale((locale) => new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }))

/** "812 bytes", "2.0 KiB". */
export function size(bytes: number): string {
  if (bytes < 1024) return plural('{count} byte', '{count} bytes', bytes)
  const kib = bytes / 1024
  return kib < 1024 ? t('{size} KiB', { size: tenths().format(kib) }) : t('{size} MiB', { size: tenths().format(kib / 1024) })
}

/** The body as it is best read: JSON with indentation, anything else as it came. */
export function readableBody(content: Pick<DeliveryContent, 'body' | 'body_is_base64'>): string {
  if (content.body === null || content.body_is_base64) return content.body ?? ''
  try {
    const value: unknown = JSON.parse(content.body)
    return typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : content.body
  } catch {
    return content.body
  }
}

/** What the page says after a request was repeated. */
export function replayed(made: Delivery): string {
  if (made.outcome === 'started') return t('Repeated: task {id} was started.', { id: made.task_id ?? '' })
  return t('Repeated: {reason}.', { reason: made.message === '' ? outcomeLook(made.outcome).label : made.message })
}
