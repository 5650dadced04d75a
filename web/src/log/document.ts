import { advance, INITIAL, parseLine, plainText, type AnsiState, type Segment } from './ansi'

const SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g

/**
 * The lines of a log, made for hundreds of thousands of them: raw text and the style at the beginning of each line are
 * kept, everything else is worked out for the lines on the screen. Lines are those of the raw output, so number 120
 * here is line 120 of the downloaded file. Plain data, not reactive; who changes it tells its readers.
 */
export class LogDocument {
  private readonly raw: string[] = []
  private readonly starts: AnsiState[] = []
  private end: AnsiState = INITIAL
  private widest = 0

  get length(): number {
    return this.raw.length
  }

  /** Columns of the widest line, roughly: wide characters count as one. */
  get columns(): number {
    return this.widest
  }

  /** Adds records; a record may hold several lines. */
  append(records: readonly string[]): void {
    for (const record of records) {
      if (record.includes('\n')) for (const line of record.split('\n')) this.push(line)
      else this.push(record)
    }
  }

  /** Makes the content equal to `records`. What is equal at the beginning stays untouched. Returns the first changed line. */
  replace(records: readonly string[]): number {
    let at = 0
    let kept = 0
    for (; kept < records.length; kept += 1) {
      const lines = splitRecord(records[kept] ?? '')
      if (!lines.every((line, index) => this.raw[at + index] === line)) break
      at += lines.length
    }
    if (at < this.raw.length) {
      this.end = this.starts[at] ?? INITIAL
      this.raw.length = at
      this.starts.length = at
      this.widest = this.raw.reduce((widest, line) => Math.max(widest, widthOf(line)), 0)
    }
    this.append(kept === 0 ? records : records.slice(kept))
    return at
  }

  /** Visible parts of a line; `index` counts from 0. */
  segments(index: number): Segment[] {
    const line = this.raw[index]
    return line === undefined ? [] : parseLine(line, this.starts[index]).segments
  }

  /** Visible text of a line. */
  text(index: number): string {
    const line = this.raw[index]
    return line === undefined ? '' : plainText(line, this.starts[index])
  }

  private push(line: string): void {
    this.raw.push(line)
    this.starts.push(this.end)
    this.end = advance(line, this.end)
    const width = widthOf(line)
    if (width > this.widest) this.widest = width
  }
}

function splitRecord(record: string): string[] {
  return record.includes('\n') ? record.split('\n') : [record]
}

function widthOf(line: string): number {
  const visible = line.includes('\u001b') ? line.replace(SEQUENCE, '') : line
  if (!visible.includes('\t')) return visible.length
  return visible.length + (visible.split('\t').length - 1) * 7
}
