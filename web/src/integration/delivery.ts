/** Words about what came to an integration. Pure: nothing here asks the server. */
import type { Delivery, DeliveryContent, DeliveryOutcome } from '@/api/integrations'

export interface OutcomeLook {
  readonly label: string
  readonly tone: 'success' | 'error' | 'attention' | 'quiet'
}

const LOOKS: Record<DeliveryOutcome, OutcomeLook> = {
  started: { label: 'Started a task', tone: 'success' },
  no_match: { label: 'Rules not met', tone: 'quiet' },
  refused: { label: 'Refused', tone: 'attention' },
  limited: { label: 'Too many wrong proofs', tone: 'attention' },
  failed: { label: 'Failed', tone: 'error' },
}

/** What became of it, for people; a word that is new to this page is shown as it is. */
export function outcomeLook(outcome: string): OutcomeLook {
  return (LOOKS as Record<string, OutcomeLook | undefined>)[outcome] ?? { label: outcome, tone: 'quiet' }
}

/** "812 bytes", "2.0 KiB". */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`
  const kib = bytes / 1024
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`
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
  if (made.outcome === 'started') return `Repeated: task ${made.task_id} was started.`
  return `Repeated: ${made.message === '' ? outcomeLook(made.outcome).label : made.message}.`
}
