/** Rows of a comparison: what is shown of equal and differing stretches, one below the other or side by side. */
import type { Block } from './diff'

export interface Row {
  readonly kind: 'same' | 'changed' | 'gone' | 'new' | 'fold'
  /** Lines from 0; null: that side has none. */
  readonly before: number | null
  readonly now: number | null
  /** The stretch it belongs to. */
  readonly block: number
  /** How many equal lines are folded away. */
  readonly count?: number
  /** The line of the other side to mark differences against. */
  readonly partner?: number
}

/** Equal lines that are shown around a difference. */
export const CONTEXT = 3

/** `unfolded` are numbers of blocks whose equal lines are all wanted. */
export function rowsOf(blocks: readonly Block[], sideBySide: boolean, unfolded: ReadonlySet<number>): Row[] {
  const rows: Row[] = []
  for (const [block, stretch] of blocks.entries()) {
    if (stretch.same) equalRows(rows, stretch, block, block === 0, block === blocks.length - 1, unfolded.has(block))
    else if (sideBySide) pairedRows(rows, stretch, block)
    else singleRows(rows, stretch, block)
  }
  return rows
}

function equalRows(rows: Row[], stretch: Block, block: number, isFirst: boolean, isLast: boolean, whole: boolean): void {
  const count = stretch.beforeEnd - stretch.before
  const head = isFirst ? 0 : CONTEXT
  const tail = isLast ? 0 : CONTEXT
  // One line less would not be worth a fold.
  const folds = !whole && count > head + tail + 1
  for (let at = 0; at < count; at += 1) {
    if (folds && at === head) {
      rows.push({ kind: 'fold', before: stretch.before + at, now: stretch.now + at, block, count: count - head - tail })
      at = count - tail - 1
    } else rows.push({ kind: 'same', before: stretch.before + at, now: stretch.now + at, block })
  }
}

function pairedRows(rows: Row[], stretch: Block, block: number): void {
  const gone = stretch.beforeEnd - stretch.before
  const added = stretch.nowEnd - stretch.now
  for (let at = 0; at < Math.max(gone, added); at += 1) {
    const before = at < gone ? stretch.before + at : null
    const now = at < added ? stretch.now + at : null
    rows.push({ kind: before === null ? 'new' : now === null ? 'gone' : 'changed', before, now, block })
  }
}

function singleRows(rows: Row[], stretch: Block, block: number): void {
  // Only lines that clearly belong together are marked against each other.
  const paired = stretch.beforeEnd - stretch.before === stretch.nowEnd - stretch.now
  for (let before = stretch.before; before < stretch.beforeEnd; before += 1) {
    rows.push({ kind: 'gone', before, now: null, block, ...(paired ? { partner: stretch.now + before - stretch.before } : {}) })
  }
  for (let now = stretch.now; now < stretch.nowEnd; now += 1) {
    rows.push({ kind: 'new', before: null, now, block, ...(paired ? { partner: stretch.before + now - stretch.now } : {}) })
  }
}

export interface Counts {
  /** Lines that only one side has. */
  readonly gone: number
  readonly added: number
  /** Stretches that differ. */
  readonly places: number
}

export function countsOf(blocks: readonly Block[]): Counts {
  const differing = blocks.filter((block) => !block.same)
  return {
    gone: differing.reduce((sum, block) => sum + block.beforeEnd - block.before, 0),
    added: differing.reduce((sum, block) => sum + block.nowEnd - block.now, 0),
    places: differing.length,
  }
}

/** The part of a text that another one has not: everything but equal words at its beginning and end. Empty if too little is equal to mark anything. */
export function changedPart(text: string, other: string): { from: number; to: number } | null {
  const [own, others] = [wordsOf(text), wordsOf(other)]
  let start = 0
  while (start < own.length && start < others.length && own[start] === others[start]) start += 1
  let end = 0
  while (end < own.length - start && end < others.length - start && own[own.length - 1 - end] === others[others.length - 1 - end]) end += 1
  const length = (words: readonly string[]) => words.reduce((sum, word) => sum + word.length, 0)
  const from = length(own.slice(0, start))
  const to = text.length - length(own.slice(own.length - end))
  return from >= to || text.length - (to - from) < text.length / 4 ? null : { from, to }
}

const wordsOf = (text: string) => text.match(/[\p{L}\p{N}_]+|[^\p{L}\p{N}_]/gu) ?? []
