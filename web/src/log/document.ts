import { advance, INITIAL, parseLine, plainText, type AnsiState, type Segment } from './ansi'

const SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g

/** So many lines are held at most; others are read again when somebody looks at them. */
export const MOST_HELD = 20_000
/** So many of the oldest go at once when there are more. */
const SHED = 4000

/**
 * The lines of a log, of which only a window is held, so that a million of them are possible: raw text and the style at the
 * beginning of each line; everything else is worked out for the lines on the screen. A line is a record of the task's
 * output, numbered as the server numbers them. Plain data, not reactive; who changes it tells its readers.
 */
export class LogDocument {
  /** The reader stands at the end: new lines take the place of the oldest ones. Otherwise a full window stays as it is. */
  follows = true
  /** Number of the first held line, from 0. */
  private first = 0
  private raw: string[] = []
  private starts: AnsiState[] = []
  private end: AnsiState = INITIAL
  private widest = 0
  private total = 0

  /** Lines that the log has, held or not. */
  get length(): number {
    return this.total
  }

  /** Which lines are held; the end is not part of it. */
  get held(): { readonly from: number; readonly to: number } {
    return { from: this.first, to: this.first + this.raw.length }
  }

  get isWhole(): boolean {
    return this.raw.length === this.total
  }

  /** Columns of the widest line seen, roughly: wide characters count as one. */
  get columns(): number {
    return this.widest
  }

  /** The log has `length` lines, none of which is here: what comes next begins behind them. */
  begin(length: number): void {
    this.cut(0)
    this.total = length
    this.first = length
  }

  /**
   * Takes a batch that begins with line number `first`, counted from 1. `added`: it came behind the last one; `changed`: lines that
   * were there are others now, or fewer (the server's machine lost power and its newest lines); `gap`: something between is
   * missing, and nothing was taken.
   */
  take(first: number, records: readonly string[]): 'added' | 'changed' | 'gap' {
    if (first > this.total + 1) return 'gap'
    const isNext = first === this.total + 1
    if (!isNext) this.cut(Math.max(first - 1, 0))
    this.append(records)
    return isNext ? 'added' : 'changed'
  }

  /** Adds lines behind the last one. */
  append(records: readonly string[]): void {
    const wasHeld = this.held.to === this.total
    this.total += records.length
    if (!wasHeld) return
    for (const record of records) {
      if (this.raw.length >= MOST_HELD) {
        if (!this.follows) return
        this.drop(SHED)
      }
      this.push(record)
    }
  }

  /** There are so many lines; those that are new are not here. */
  grow(length: number): void {
    this.total = Math.max(this.total, length)
  }

  /** Takes lines that were read from the store. Where they do not touch the window they are the new window. */
  place(from: number, records: readonly string[]): void {
    if (records.length === 0) return
    const to = from + records.length
    const held = this.held
    this.total = Math.max(this.total, to)
    if (from > held.to || to < held.from || (from <= held.from && to >= held.to)) {
      this.first = from
      this.raw = []
      this.starts = []
      this.end = INITIAL
      for (const record of records) this.push(record)
    } else if (from >= held.from) {
      this.shorten(from - held.from)
      for (const record of records) this.push(record)
      if (this.raw.length > MOST_HELD) this.drop(this.raw.length - MOST_HELD)
    } else {
      this.prepend(from, records, to - held.from)
      if (this.raw.length > MOST_HELD) this.shorten(MOST_HELD)
    }
  }

  /** There are no lines from this one on. */
  cut(length: number): void {
    if (length >= this.total) return
    this.total = length
    if (length < this.first) this.first = length
    this.shorten(Math.max(0, length - this.first))
    this.widest = this.raw.reduce((widest, line) => Math.max(widest, widthOf(line)), 0)
  }

  /** Visible parts of a line; `index` counts from 0. Nothing of a line that is not held. */
  segments(index: number): Segment[] {
    const line = this.raw[index - this.first]
    return line === undefined ? [] : parseLine(line, this.starts[index - this.first]).segments
  }

  /** Visible text of a line. */
  text(index: number): string {
    const line = this.raw[index - this.first]
    return line === undefined ? '' : plainText(line, this.starts[index - this.first])
  }

  private push(record: string): void {
    const line = oneRow(record)
    this.raw.push(line)
    this.starts.push(this.end)
    this.end = advance(line, this.end)
    this.widest = Math.max(this.widest, widthOf(line))
  }

  private prepend(from: number, records: readonly string[], overlap: number): void {
    const [raw, starts, end] = [this.raw.slice(overlap), this.starts.slice(overlap), this.end]
    this.first = from
    this.raw = []
    this.starts = []
    this.end = INITIAL
    for (const record of records) this.push(record)
    // A colour that begins before the lines that were here goes on in them.
    let at = 0
    for (; at < raw.length && !isSame(starts[at], this.end); at += 1) {
      starts[at] = this.end
      this.end = advance(raw[at] ?? '', this.end)
    }
    if (at < raw.length) this.end = end
    this.raw = this.raw.concat(raw)
    this.starts = this.starts.concat(starts)
  }

  private drop(count: number): void {
    this.raw.splice(0, count)
    this.starts.splice(0, count)
    this.first += count
  }

  private shorten(count: number): void {
    if (count >= this.raw.length) return
    this.end = this.starts[count] ?? INITIAL
    this.raw.length = count
    this.starts.length = count
  }
}

/** What programs print comes line by line; words of the server's own may end with the end of a line, or have one in them. */
function oneRow(record: string): string {
  return record.includes('\n') ? record.replace(/\r?\n$/, '').replace(/\r?\n/g, ' ↵ ') : record
}

function isSame(one: AnsiState | undefined, other: AnsiState): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

function widthOf(line: string): number {
  const visible = line.includes('\u001b') ? line.replace(SEQUENCE, '') : line
  if (!visible.includes('\t')) return visible.length
  return visible.length + (visible.split('\t').length - 1) * 7
}
