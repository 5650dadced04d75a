/**
 * What differs between two lists of lines. Lines that occur once on both sides hold the rest together (patience diff);
 * between them the shortest way is looked for, up to a number of steps, so that it ends in time whatever the lines are.
 */

/** A stretch that is equal, or that one side has instead of what the other has; ends are not part of it. */
export interface Block {
  readonly same: boolean
  readonly before: number
  readonly beforeEnd: number
  readonly now: number
  readonly nowEnd: number
}

/** More differing lines in a stretch without an anchor are taken as all different. */
const MOST_STEPS = 600

export function diffLines(before: readonly string[], now: readonly string[]): Block[] {
  const numbers = new Map<string, number>()
  const numbered = (lines: readonly string[]) =>
    Int32Array.from(lines, (line) => {
      const known = numbers.get(line)
      if (known !== undefined) return known
      numbers.set(line, numbers.size)
      return numbers.size - 1
    })
  const search = new Search(numbered(before), numbered(now))
  search.between(0, before.length, 0, now.length)
  return blocksOf(search.pairs, before.length, now.length)
}

type Pair = readonly [before: number, now: number]

class Search {
  /** Equal lines, in order. */
  readonly pairs: Pair[] = []

  constructor(
    private readonly before: Int32Array,
    private readonly now: Int32Array,
  ) {}

  between(before: number, beforeEnd: number, now: number, nowEnd: number): void {
    while (before < beforeEnd && now < nowEnd && this.before[before] === this.now[now]) this.pairs.push([before++, now++])
    let tail = 0
    while (before < beforeEnd - tail && now < nowEnd - tail && this.before[beforeEnd - tail - 1] === this.now[nowEnd - tail - 1]) tail += 1
    this.middle(before, beforeEnd - tail, now, nowEnd - tail)
    for (let rest = tail; rest > 0; rest -= 1) this.pairs.push([beforeEnd - rest, nowEnd - rest])
  }

  private middle(before: number, beforeEnd: number, now: number, nowEnd: number): void {
    if (before === beforeEnd || now === nowEnd) return
    const anchors = rising(this.unique(before, beforeEnd, now, nowEnd))
    if (anchors.length === 0) {
      this.shortest(before, beforeEnd, now, nowEnd)
      return
    }
    let [left, right] = [before, now]
    for (const [one, other] of anchors) {
      this.between(left, one, right, other)
      this.pairs.push([one, other])
      ;[left, right] = [one + 1, other + 1]
    }
    this.between(left, beforeEnd, right, nowEnd)
  }

  /** Lines that occur once on both sides, in the order of the first one. */
  private unique(before: number, beforeEnd: number, now: number, nowEnd: number): Pair[] {
    const places = (lines: Int32Array, from: number, to: number) => {
      const found = new Map<number, number>()
      for (let at = from; at < to; at += 1) {
        const line = lines[at] ?? -1
        found.set(line, found.has(line) ? -1 : at)
      }
      return found
    }
    const inNow = places(this.now, now, nowEnd)
    const pairs: Pair[] = []
    for (const [line, at] of places(this.before, before, beforeEnd)) {
      const other = inNow.get(line) ?? -1
      if (at >= 0 && other >= 0) pairs.push([at, other])
    }
    return pairs.sort((one, other) => one[0] - other[0])
  }

  /** Myers' greedy search with its way back; nothing is found to be equal if it takes too many steps. */
  private shortest(before: number, beforeEnd: number, now: number, nowEnd: number): void {
    const [width, height] = [beforeEnd - before, nowEnd - now]
    const most = Math.min(width + height, MOST_STEPS)
    const reached = new Int32Array(2 * most + 3)
    const middle = most + 1
    const history: Int32Array[] = []
    for (let steps = 0; steps <= most; steps += 1) {
      history.push(reached.slice(middle - steps - 1, middle + steps + 2))
      for (let line = -steps; line <= steps; line += 2) {
        const down = line === -steps || (line !== steps && (reached[middle + line - 1] ?? 0) < (reached[middle + line + 1] ?? 0))
        let x = down ? (reached[middle + line + 1] ?? 0) : (reached[middle + line - 1] ?? 0) + 1
        let y = x - line
        while (x < width && y < height && this.before[before + x] === this.now[now + y]) {
          x += 1
          y += 1
        }
        reached[middle + line] = x
        if (x >= width && y >= height) {
          this.wayBack(history, width, height, before, now)
          return
        }
      }
    }
  }

  private wayBack(history: Int32Array[], width: number, height: number, before: number, now: number): void {
    const found: Pair[] = []
    let [x, y] = [width, height]
    for (let steps = history.length - 1; steps >= 0; steps -= 1) {
      const reached = history[steps] ?? new Int32Array()
      const at = (line: number) => reached[line + steps + 1] ?? 0
      const line = x - y
      const down = line === -steps || (line !== steps && at(line - 1) < at(line + 1))
      const fromLine = down ? line + 1 : line - 1
      const fromX = steps === 0 ? 0 : at(fromLine)
      const fromY = steps === 0 ? 0 : fromX - fromLine
      // Behind the step lie the equal lines that it led to.
      const startX = steps === 0 ? 0 : down ? fromX : fromX + 1
      while (x > startX) {
        x -= 1
        y -= 1
        found.push([before + x, now + y])
      }
      ;[x, y] = [fromX, fromY]
    }
    for (const pair of found.reverse()) this.pairs.push(pair)
  }
}

/** The longest part of the pairs that rises on both sides. */
function rising(pairs: readonly Pair[]): Pair[] {
  const ends: number[] = []
  const previous = new Int32Array(pairs.length)
  for (const [index, pair] of pairs.entries()) {
    let [low, high] = [0, ends.length]
    while (low < high) {
      const half = (low + high) >> 1
      if ((pairs[ends[half] ?? 0]?.[1] ?? 0) < pair[1]) low = half + 1
      else high = half
    }
    previous[index] = low === 0 ? -1 : (ends[low - 1] ?? -1)
    ends[low] = index
  }
  const result: Pair[] = []
  for (let at = ends[ends.length - 1] ?? -1; at >= 0; at = previous[at] ?? -1) {
    const pair = pairs[at]
    if (pair) result.push(pair)
  }
  return result.reverse()
}

function blocksOf(pairs: readonly Pair[], beforeLength: number, nowLength: number): Block[] {
  const blocks: Block[] = []
  let [before, now] = [0, 0]
  let same: { before: number; now: number } | null = null
  const close = () => {
    if (same) blocks.push({ same: true, before: same.before, beforeEnd: before, now: same.now, nowEnd: now })
    same = null
  }
  for (const [one, other] of [...pairs, [beforeLength, nowLength] as const]) {
    if (one > before || other > now) {
      close()
      blocks.push({ same: false, before, beforeEnd: one, now, nowEnd: other })
    }
    same ??= { before: one, now: other }
    ;[before, now] = [one + 1, other + 1]
  }
  ;[before, now] = [beforeLength, nowLength]
  const last = same as { before: number; now: number } | null
  if (last && last.before < beforeLength) close()
  return blocks
}
