import { diffLines, type Block } from './diff'
import { normalLine } from './normal'

/** Two logs that are compared by the worker, and how. */
export interface Question {
  readonly number: number
  readonly before: readonly string[]
  readonly now: readonly string[]
  /** Leaves out what differs from run to run and means nothing. */
  readonly normal: boolean
}

export interface Answer {
  readonly number: number
  readonly blocks: Block[]
}

export function answerTo(question: Question): Answer {
  const compared = (lines: readonly string[]) => (question.normal ? lines.map(normalLine) : lines)
  return { number: question.number, blocks: diffLines(compared(question.before), compared(question.now)) }
}
