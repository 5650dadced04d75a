/**
 * The records of a task's output by number, put together from batches that the server sends (`lines` frames) and from
 * copies of the whole output. Each record is in it once: a batch that begins where the last one ended is added, and one
 * that begins earlier takes the place of what is there. The server does the latter if it lost its newest lines (its
 * machine lost power) and wrote others.
 */
export class NumberedLog {
  private list: string[] = []

  /** Number of the last record; 0 if there is none. */
  get length(): number {
    return this.list.length
  }

  get records(): readonly string[] {
    return this.list
  }

  /**
   * Takes a batch that begins with record number `first`. `added`: it came behind the last one; `changed`: records that
   * were there are others now, or fewer; `gap`: something between is missing, and nothing was taken.
   */
  take(first: number, outputs: readonly string[]): 'added' | 'changed' | 'gap' {
    if (first > this.list.length + 1) return 'gap'
    const isNext = first === this.list.length + 1
    if (!isNext) this.list.length = Math.max(first - 1, 0)
    for (const output of outputs) this.list.push(output)
    return isNext ? 'added' : 'changed'
  }

  /** A copy of the whole output. */
  replace(outputs: readonly string[]): void {
    this.list = [...outputs]
  }
}
