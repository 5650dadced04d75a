import type { Block } from './diff'
import { answerTo, type Answer, type Question } from './work'

/** Compares in a worker of its own, where there are workers; of several questions the answer to the last one is given. */
export class BackgroundDiff {
  private worker: Worker | null = null
  private asked = 0
  private waiting: { readonly question: Question; readonly resolve: (blocks: Block[] | null) => void } | null = null

  /** What differs; null if another question was asked meanwhile. */
  compare(before: readonly string[], now: readonly string[], normal: boolean): Promise<Block[] | null> {
    this.asked += 1
    const question = { number: this.asked, before, now, normal }
    this.waiting?.resolve(null)
    return new Promise((resolve) => {
      this.waiting = { question, resolve }
      const worker = this.started()
      if (worker) worker.postMessage(question)
      else this.take(answerTo(question))
    })
  }

  close(): void {
    this.waiting?.resolve(null)
    this.waiting = null
    this.worker?.terminate()
    this.worker = null
  }

  private take(answer: Answer): void {
    if (this.waiting?.question.number !== answer.number) return
    this.waiting.resolve(answer.blocks)
    this.waiting = null
  }

  private started(): Worker | null {
    if (this.worker || typeof Worker === 'undefined') return this.worker
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
    this.worker.onmessage = (event: MessageEvent<Answer>) => this.take(event.data)
    // Its script could not be loaded: then it is done here, and takes what it takes.
    this.worker.onerror = () => {
      if (this.waiting) this.take(answerTo(this.waiting.question))
    }
    return this.worker
  }
}
