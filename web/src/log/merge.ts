/**
 * Puts the stored output of a task and its live lines together without loss and without doubles.
 *
 * The store gives all lines so far (GET output); the socket gives each new line once, without an id, and nothing of what
 * happened while it was down. So: when a connection begins, lines are held back until a copy of the store that was
 * fetched after that moment is there; lines that are in both are recognised by text and time, also those whose frames
 * come after the copy. Each later copy of the store is joined the same way, and when the task has ended the store is
 * taken as it is.
 */

export interface LogRecord {
  readonly output: string
  /** RFC 3339; may be empty. */
  readonly time: string
}

/** Frames may be so many lines behind the store and still be recognised. */
const MOST_BEHIND = 20_000

export class LogMerge {
  private stored: readonly LogRecord[] = []
  /** Lines of this connection that the last copy of the store did not hold. */
  private live: LogRecord[] = []
  /** Lines of the last copy whose frames may still come. */
  private seen = new Seen([])
  private synchronised = false
  private epochNumber = 0

  /** Number of the current connection: a copy of the store that was asked for under an older one is of no use. */
  get epoch(): number {
    return this.epochNumber
  }

  /** True once live lines may be shown as they come. */
  get ready(): boolean {
    return this.synchronised
  }

  /** Records that are shown, plus those held back. */
  get length(): number {
    return this.stored.length + this.live.length
  }

  /** A connection began: nothing is known of the time before it. Returns the epoch to hand to `load`. */
  begin(): number {
    this.epochNumber += 1
    this.live = []
    this.synchronised = false
    return this.epochNumber
  }

  /** A live line. True: show it at the end now; false: it is shown already, or held until the store is there. */
  push(record: LogRecord): boolean {
    if (this.synchronised && this.seen.take(record)) return false
    this.live.push(record)
    return this.synchronised
  }

  /** A copy of the store. Returns all records to show, or null if it is too old. */
  load(epoch: number, records: readonly LogRecord[]): string[] | null {
    if (epoch !== this.epochNumber) return null
    // Answers may overtake one another: a shorter copy is an older one.
    const copy = this.synchronised && records.length < this.stored.length ? this.stored : records
    const seen = new Seen(copy.slice(-(this.live.length + MOST_BEHIND)))
    this.live = this.live.filter((record) => !seen.take(record))
    this.seen = seen
    this.stored = copy
    this.synchronised = true
    return [...copy, ...this.live].map((record) => record.output)
  }

  /** The store of a task that has ended: it is the truth. */
  finish(records: readonly LogRecord[]): string[] {
    this.epochNumber += 1
    this.stored = records
    this.live = []
    this.synchronised = true
    return records.map((record) => record.output)
  }
}

/**
 * Keys of the newest records of a store, each with how often it occurs. Counting, not comparing positions: the store may
 * be behind the frames or ahead of them, and a program may print the same line many times in one millisecond.
 */
class Seen {
  private readonly counts = new Map<string, number>()
  private readonly wholeSeconds: boolean

  constructor(records: readonly LogRecord[]) {
    this.wholeSeconds = records.every((record) => !record.time.includes('.'))
    for (const record of records) {
      const key = this.keyOf(record)
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    }
  }

  /** True if the record is one of those, which is then used up. */
  take(record: LogRecord): boolean {
    const key = this.keyOf(record)
    const count = this.counts.get(key)
    if (count === undefined) return false
    if (count === 1) this.counts.delete(key)
    else this.counts.set(key, count - 1)
    return true
  }

  /** Text and time, the time as coarse as the store keeps it. */
  private keyOf(record: LogRecord): string {
    const milliseconds = Date.parse(record.time)
    if (Number.isNaN(milliseconds)) return `|${record.output}`
    return `${this.wholeSeconds ? Math.floor(milliseconds / 1000) : milliseconds}|${record.output}`
  }
}
