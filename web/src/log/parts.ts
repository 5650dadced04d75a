import { isAbort } from '@/api/client'
import type { Api } from '@/api/endpoints'
import type { LogDocument } from './document'

/** Lines that are read at once. */
const PART = 2000
/** Lines beyond those on the screen that are wanted too, so that they are there before somebody sees them. */
const MARGIN = 600

interface Stretch {
  readonly from: number
  readonly to: number
}

/** Reads the lines somebody looks at, part by part; of wishes that come meanwhile the last one counts. */
export class LogParts {
  private wish: Stretch | null = null
  private busy = false

  constructor(
    private readonly read: (offset: number, limit: number) => ReturnType<Api['output']>,
    private readonly log: LogDocument,
    /** Lines have come, or could not be read. */
    private readonly told: (error: unknown) => void,
  ) {}

  /** Lines from `from` to `to` (not part of it) are to be there. */
  want(from: number, to: number): void {
    this.wish = { from, to }
    if (!this.busy) void this.work()
  }

  private async work(): Promise<void> {
    this.busy = true
    try {
      while (this.wish) {
        const part = missing(this.log, this.wish)
        if (part === null) return
        const isWhole = await this.take(part)
        // Lines may be so long that the server gives a few at a time: then those on the screen have to do.
        if (!isWhole && this.wish) await this.take(this.wish)
        if (!isWhole) return
      }
    } catch (cause) {
      if (!isAbort(cause)) this.told(cause)
    } finally {
      this.busy = false
      this.wish = null
    }
  }

  /** Whether all lines came that were asked for. */
  private async take({ from, to }: Stretch): Promise<boolean> {
    const records = await this.read(from, to - from)
    this.log.place(from, records)
    this.told(null)
    return records.length === to - from
  }
}

/** What to read next so that a stretch is there with what is near it; null if it is. */
export function missing(log: LogDocument, wish: Stretch): Stretch | null {
  const total = log.length
  const { from, to } = log.held
  const first = Math.max(0, Math.min(wish.from, total) - MARGIN)
  const last = Math.min(total, wish.to + MARGIN)
  if (first >= from && last <= to) return null
  if (from === to || last < from || first > to) {
    const begin = Math.max(0, Math.floor((first + last - PART) / 2))
    return { from: begin, to: Math.min(total, begin + PART) }
  }
  return first < from ? { from: Math.max(0, from - PART), to: from } : { from: to, to: Math.min(total, to + PART) }
}
