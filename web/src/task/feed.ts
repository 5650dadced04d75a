import { shallowRef, type ShallowRef } from 'vue'
import { ApiError, describe, isAbort } from '@/api/client'
import type { Api } from '@/api/endpoints'
import type { Task } from '@/api/types'
import type { LiveSocket } from '@/live/socket'
import { LogDocument } from '@/log/document'
import { LogMerge } from '@/log/merge'
import { hasEnded, reduceTask, type TaskState } from './status'

export type FeedApi = Pick<Api, 'task' | 'output'>

/** Live lines are shown in batches: a fast task sends thousands a second. */
const FLUSH_MS = 80
/** How long the first look waits for the socket before it reads the store without it. */
const SOCKET_PATIENCE_MS = 1000
/** A second copy of the store after each connection: lines that were on their way into it during the first. */
const SETTLE_MS = 1500
/** Without a socket, the server is asked this often. */
const POLL_MS = 3000
/** With a socket, the task is still looked at this often: frames of a fast task queue up, and its end stands behind them. */
const CHECK_MS = 5000
/** The store may be a moment behind the last frame of a task. */
const FINAL_RETRY_MS = 700
const FINAL_ATTEMPTS = 6

/**
 * One task as the page shows it: status, fields and log, live by socket, by polling where there is none, and equal to
 * the store once the task has ended. `start` and `stop` bracket its life; the refs are for the page.
 */
export class TaskFeed {
  readonly task: ShallowRef<Task | null> = shallowRef(null)
  readonly error: ShallowRef<ApiError | null> = shallowRef(null)
  /** The log could not be read; it is tried again by itself as long as the task lives. */
  readonly logError: ShallowRef<string | null> = shallowRef(null)
  /** `live`: frames come; `polling`: they do not, the server is asked; `ended`: nothing more will come. */
  readonly connection: ShallowRef<'connecting' | 'live' | 'polling' | 'ended'> = shallowRef('connecting')
  readonly logLoaded = shallowRef(false)
  /** Grows with each change of `log`. */
  readonly revision = shallowRef(0)
  readonly log = new LogDocument()
  /** Lines that have no end yet, one of each stream at most: what a program asks, how far it is. Not part of the log. */
  readonly partial: ShallowRef<ReadonlyMap<string, string>> = shallowRef(new Map())

  private readonly merge = new LogMerge()
  private state: TaskState | null = null
  private readonly abort = new AbortController()
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>()
  private unsubscribe: (() => void) | null = null
  private fresh: string[] = []
  private finishing = false
  private complete = false
  /** Live lines may be missing: true until the store was read a second time under the present connection. */
  private interrupted = true

  constructor(
    private readonly api: FeedApi,
    private readonly socket: LiveSocket,
    private readonly project: number,
    private readonly id: number,
  ) {}

  async start(): Promise<void> {
    this.unsubscribe = this.socket.subscribe({
      open: () => this.opened(),
      closed: () => this.closed(),
      frame: (frame) => {
        if (frame.project_id !== this.project || frame.task_id !== this.id || this.complete) return
        if (frame.type === 'log') this.line(frame.output, frame.time)
        else if (frame.type === 'partial') this.unfinished(frame.stream, frame.output)
        else this.news(reduceTask(this.state, { kind: 'update', frame, asOf: Date.now() }))
      },
    })
    // Frames are held from the first moment on, also while the task itself is still being asked for.
    this.merge.begin()
    this.check()
    await this.refreshTask()
    if (this.stopped || this.state === null || this.finishing) return
    if (this.socket.state === 'open') {
      this.connection.value = 'live'
      this.synchronise()
    } else {
      this.later('patience', SOCKET_PATIENCE_MS, () => void this.poll())
    }
  }

  stop(): void {
    this.abort.abort()
    this.unsubscribe?.()
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.timers.clear()
  }

  /** After an error of the page: everything from the beginning. */
  async retry(): Promise<void> {
    this.error.value = null
    this.logError.value = null
    this.finishing = false
    await this.refreshTask()
    if (this.stopped || this.state === null || this.finishing) return
    if (this.socket.state === 'open') this.synchronise()
    else void this.poll()
  }

  /** Reads the task's fields, for example after a button was pressed. */
  async refreshTask(): Promise<void> {
    const asOf = Date.now()
    try {
      const task = await this.api.task(this.project, this.id, this.abort.signal)
      this.error.value = null
      this.news(reduceTask(this.state, { kind: 'fetched', task, asOf }))
    } catch (cause) {
      if (this.stopped || isAbort(cause)) return
      // A task that is on the screen stays there; only a first look may fail visibly.
      if (this.state === null) this.error.value = cause instanceof ApiError ? cause : new ApiError(0, describe(cause))
    }
  }

  private get stopped(): boolean {
    return this.abort.signal.aborted
  }

  private opened(): void {
    if (this.complete) return
    this.cancel('poll')
    this.cancel('patience')
    this.merge.begin()
    if (this.state === null) return
    this.connection.value = 'live'
    void this.refreshTask()
    if (!this.finishing) this.synchronise()
  }

  private closed(): void {
    if (this.complete) return
    this.interrupted = true
    this.partial.value = new Map()
    this.cancel('settle')
    this.connection.value = 'connecting'
    this.later('poll', POLL_MS, () => void this.poll())
  }

  private check(): void {
    this.later('check', CHECK_MS, async () => {
      if (this.socket.state === 'open' && this.state !== null) await this.refreshTask()
      if (!this.stopped && !this.finishing && !this.complete) this.check()
    })
  }

  private synchronise(): void {
    void this.loadOutput()
    this.later('settle', SETTLE_MS, () => void this.settle())
  }

  private async settle(): Promise<void> {
    const epoch = this.merge.epoch
    await this.loadOutput()
    if (epoch === this.merge.epoch && this.merge.ready) this.interrupted = false
  }

  private async poll(): Promise<void> {
    if (this.complete || this.finishing || this.socket.state === 'open') return
    this.interrupted = true
    this.connection.value = 'polling'
    this.merge.begin()
    const began = Date.now()
    await Promise.all([this.refreshTask(), this.loadOutput()])
    if (this.stopped || this.finishing || this.complete) return
    // A long log takes long to send: the pause grows with it.
    this.later('poll', Math.max(POLL_MS, 5 * (Date.now() - began)), () => void this.poll())
  }

  private line(output: string, time: string): void {
    if (this.merge.push({ output, time })) {
      this.fresh.push(output)
      if (!this.timers.has('flush')) this.later('flush', FLUSH_MS, () => this.flush())
    }
  }

  private unfinished(stream: string, text: string): void {
    // The whole line came before: it takes the place of its beginning in one step.
    if (text === '') this.flush()
    if (text === '' && !this.partial.value.has(stream)) return
    const lines = new Map(this.partial.value)
    lines.delete(stream)
    if (text !== '' && !this.finishing) lines.set(stream, text)
    this.partial.value = lines
  }

  private flush(): void {
    if (this.fresh.length === 0) return
    this.log.append(this.fresh)
    this.fresh = []
    this.revision.value += 1
  }

  private async loadOutput(): Promise<void> {
    const epoch = this.merge.epoch
    try {
      const records = await this.api.output(this.project, this.id, this.abort.signal)
      if (this.stopped || this.complete) return
      const shown = this.merge.load(epoch, records)
      if (shown !== null) this.show(shown)
    } catch (cause) {
      if (this.stopped || isAbort(cause) || epoch !== this.merge.epoch) return
      this.logError.value = describe(cause)
      if (!this.finishing) this.later('reload', POLL_MS, () => void this.loadOutput())
    }
  }

  private show(records: readonly string[]): void {
    this.fresh = []
    this.log.replace(records)
    this.logLoaded.value = true
    this.logError.value = null
    this.revision.value += 1
  }

  private news(next: TaskState | null): void {
    if (next === null || this.stopped) return
    this.state = next
    this.task.value = next.task
    if (hasEnded(next.task.status) && !this.finishing && !this.complete) {
      this.finishing = true
      this.partial.value = new Map()
      this.cancel('settle')
      this.cancel('poll')
      this.cancel('patience')
      if (this.settledLongAgo) this.interrupted = false
      void this.finish(FINAL_ATTEMPTS)
    }
  }

  /** The store of a task that ended long ago is complete. The clocks of server and page may differ, so long means a minute. */
  private get settledLongAgo(): boolean {
    const end = Date.parse(this.state?.task.end ?? '')
    return Date.now() - end > 60_000
  }

  /** The task has ended: read the store until it holds at least what was seen live, then take it as it is. */
  private async finish(attempts: number): Promise<void> {
    try {
      const asOf = Date.now()
      const task = await this.api.task(this.project, this.id, this.abort.signal)
      this.state = reduceTask(this.state, { kind: 'fetched', task, asOf })
      if (this.state) this.task.value = this.state.task
      const records = await this.api.output(this.project, this.id, this.abort.signal)
      if (this.stopped) return
      const behind = records.length < this.merge.length || !task.end
      if (attempts > 1 && (behind || this.interrupted)) {
        // With a gap in the live lines nothing tells whether the store is complete: one more look decides.
        if (!behind) this.interrupted = false
        const shown = this.merge.load(this.merge.epoch, records)
        if (shown !== null) this.show(shown)
        this.later('final', FINAL_RETRY_MS, () => void this.finish(attempts - 1))
        return
      }
      this.show(this.merge.finish(records))
      this.complete = true
      this.connection.value = 'ended'
    } catch (cause) {
      if (this.stopped || isAbort(cause)) return
      this.logError.value = describe(cause)
      if (attempts > 1) this.later('final', POLL_MS, () => void this.finish(attempts - 1))
    }
  }

  private later(name: string, delay: number, action: () => unknown): void {
    this.cancel(name)
    this.timers.set(
      name,
      setTimeout(() => {
        this.timers.delete(name)
        action()
      }, delay),
    )
  }

  private cancel(name: string): void {
    clearTimeout(this.timers.get(name))
    this.timers.delete(name)
  }
}
