import { shallowRef, type ShallowRef } from 'vue'
import { ApiError, describe, isAbort } from '@/api/client'
import { MOST_LINES, type Api } from '@/api/endpoints'
import type { Frame, LinesFrame, Task } from '@/api/types'
import type { LiveSocket } from '@/live/socket'
import { LogDocument } from '@/log/document'
import { LogParts } from '@/log/parts'
import { hasEnded, reduceTask, type TaskState } from './status'

export type FeedApi = Pick<Api, 'task' | 'output' | 'outputLength'>

/** Live lines are shown in batches: a fast task sends thousands a second. */
const FLUSH_MS = 80
/** How long the first connection is waited for before the store is read without it. */
const SOCKET_PATIENCE_MS = 1000
/** Without a socket, the server is asked this often. */
const POLL_MS = 3000
/** With a socket, the task is still looked at this often: a connection may be dead without either side knowing. */
const CHECK_MS = 5000
/** How long the last lines of a task that has ended are waited for before they are read from the store. */
const LAST_LINES_MS = 3000
const FINAL_ATTEMPTS = 6
/** How long it may take to learn the length of the log before its lines are read from the first one on. */
const LENGTH_PATIENCE_MS = 2000
/** The server ends a part of the output after 8 MiB; so many characters are less in any case. */
const SURELY_WHOLE = 2_000_000

/**
 * One task as the page shows it: status, fields and log, live by socket and by polling where there is none. The server
 * numbers the lines, and a connection begins behind the last one that is here, so that each line is shown once whatever
 * happens to connection and server. `start` and `stop` bracket its life; the refs are for the page.
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

  private readonly parts: LogParts
  private readonly stream: ReturnType<LiveSocket['follow']>
  private state: TaskState | null = null
  private readonly abort = new AbortController()
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>()
  private unsubscribe: (() => void) | null = null
  /** The log has changed since its readers were told. */
  private changed = false
  /** The store is being read for the last time. */
  private finishing = false
  private complete = false

  constructor(
    private readonly api: FeedApi,
    socket: LiveSocket,
    private readonly project: number,
    private readonly id: number,
  ) {
    this.stream = socket.follow(id, () => this.log.length)
    this.parts = new LogParts(
      (offset, limit) => api.output(project, id, { offset, limit }, this.abort.signal),
      this.log,
      (error) => (error === null ? this.show() : (this.logError.value = describe(error))),
    )
  }

  async start(): Promise<void> {
    await this.refreshTask()
    // A task that has ended is read once; who cannot be read waits for `retry`.
    if (this.isOver || this.state === null || this.finishing) return
    await this.beginNearTheEnd()
    if (this.isOver || this.finishing) return
    this.unsubscribe?.()
    this.unsubscribe = this.stream.socket.subscribe({
      open: () => this.opened(),
      closed: () => this.closed(),
      frame: (frame) => this.frame(frame),
    })
    this.later('patience', SOCKET_PATIENCE_MS, () => void this.poll())
    this.check()
  }

  stop(): void {
    this.abort.abort()
    this.leave()
    this.cancelAll()
  }

  /** After an error of the page: everything from the beginning. */
  async retry(): Promise<void> {
    this.error.value = null
    this.logError.value = null
    this.finishing = false
    this.cancelAll()
    // Lines that are looked at and could not be read are asked for again.
    if (this.logLoaded.value) this.show()
    await this.start()
  }

  /** Lines from `from` to `to` (not part of it) are looked at: they and what is near them are read if they are not there. */
  want(from: number, to: number): void {
    if (this.logLoaded.value && !this.stopped) this.parts.want(from, to)
  }

  /** Whether the reader stands at the end: then the oldest lines make room for new ones. */
  follow(on: boolean): void {
    this.log.follows = on
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

  private get isOver(): boolean {
    return this.stopped || this.complete
  }

  private get isLive(): boolean {
    return this.stream.socket.state === 'open'
  }

  /** Of a long log its last lines are told, not all of them. */
  private async beginNearTheEnd(): Promise<void> {
    if (this.log.length > 0) return
    const patience = new AbortController()
    this.later('length', LENGTH_PATIENCE_MS, () => patience.abort())
    this.abort.signal.addEventListener('abort', () => patience.abort())
    try {
      const length = await this.api.outputLength(this.project, this.id, patience.signal)
      if (length > MOST_LINES) this.log.begin(length - MOST_LINES)
    } catch {
      // All of them are told then.
    } finally {
      this.cancel('length')
    }
  }

  private opened(): void {
    this.cancel('poll')
    this.cancel('patience')
    this.logError.value = null
    this.connection.value = 'live'
    void this.refreshTask()
  }

  private closed(): void {
    if (this.isOver) return
    this.partial.value = new Map()
    this.connection.value = 'connecting'
    this.later('poll', POLL_MS, () => void this.poll())
  }

  private frame(frame: Frame): void {
    if (frame.task_id !== this.id || this.isOver) return
    switch (frame.type) {
      case 'lines':
        return this.lines(frame)
      case 'partial':
        return this.unfinished(frame.stream, frame.output)
      case 'gone':
        return this.end()
      case 'update':
        // All lines that were stored before the status came before it.
        this.logLoaded.value = true
        this.news(reduceTask(this.state, { kind: 'update', frame, asOf: Date.now() }))
        if (hasEnded(frame.status) && frame.end !== null) this.end()
    }
  }

  private lines(frame: LinesFrame): void {
    const taken = this.log.take(frame.first, frame.lines.map((line) => line.output))
    if (taken === 'gap') return this.stream.socket.renew()
    this.changed = true
    if (taken === 'changed') return this.show()
    if (!this.timers.has('flush')) this.later('flush', FLUSH_MS, () => this.flush())
    if (this.timers.has('last')) this.awaitLastLines()
  }

  private unfinished(stream: string, text: string): void {
    // The whole line came before: it takes the place of its beginning in one step.
    if (text === '') this.flush()
    if (text === '' && !this.partial.value.has(stream)) return
    const lines = new Map(this.partial.value)
    lines.delete(stream)
    if (text !== '') lines.set(stream, text)
    this.partial.value = lines
  }

  private flush(): void {
    this.cancel('flush')
    if (!this.changed) return
    this.changed = false
    this.logLoaded.value = true
    this.revision.value += 1
  }

  /** Tells the readers of the log that it is another one. */
  private show(): void {
    this.changed = true
    this.logError.value = null
    this.logLoaded.value = true
    this.flush()
  }

  /** The socket told everything. */
  private end(): void {
    if (this.isOver) return
    this.flush()
    this.close()
    // Fields that the last status did not carry.
    void this.refreshTask()
  }

  private close(): void {
    this.complete = true
    this.partial.value = new Map()
    this.logLoaded.value = true
    this.logError.value = null
    this.cancelAll()
    this.leave()
    this.connection.value = 'ended'
  }

  private leave(): void {
    this.unsubscribe?.()
    this.unsubscribe = null
    this.stream.leave()
  }

  private check(): void {
    this.later('check', CHECK_MS, async () => {
      if (this.isLive) await this.refreshTask()
      if (!this.isOver && !this.finishing) this.check()
    })
  }

  private async poll(): Promise<void> {
    if (this.isOver || this.finishing || this.isLive) return
    this.connection.value = 'polling'
    const began = Date.now()
    await Promise.all([this.refreshTask(), this.loadOutput()])
    if (this.isOver || this.finishing || this.isLive) return
    // A long log takes long to send: the pause grows with it.
    this.later('poll', Math.max(POLL_MS, 5 * (Date.now() - began)), () => void this.poll())
  }

  private async loadOutput(): Promise<void> {
    try {
      for (let more = true; more; ) {
        const records = await this.api.output(this.project, this.id, { offset: this.log.length, limit: MOST_LINES }, this.abort.signal)
        // Under a connection that began in the meantime the lines come by it.
        if (this.isOver || this.isLive) return
        this.log.append(records)
        this.show()
        more = !isSurelyAll(records)
      }
    } catch (cause) {
      if (!this.isOver && !isAbort(cause)) this.logError.value = describe(cause)
    }
  }

  private news(next: TaskState | null): void {
    if (next === null || this.stopped) return
    this.state = next
    this.task.value = next.task
    if (!hasEnded(next.task.status) || !next.task.end || this.complete || this.finishing) return
    // The lines before the end are on their way if somebody tells them.
    if (!this.isLive) void this.finish(FINAL_ATTEMPTS)
    else if (!this.timers.has('last')) this.awaitLastLines()
  }

  private awaitLastLines(): void {
    this.later('last', LAST_LINES_MS, () => void this.finish(FINAL_ATTEMPTS))
  }

  /** The task has ended: its store is complete, and is read if it was not told by socket. */
  private async finish(attempts: number): Promise<void> {
    if (this.isOver) return
    this.finishing = true
    try {
      const last = await this.api.output(this.project, this.id, { tail: MOST_LINES }, this.abort.signal)
      const length = isSurelyAll(last) ? last.length : await this.api.outputLength(this.project, this.id, this.abort.signal)
      if (this.isOver) return
      this.log.cut(length)
      // Who reads further up in a long log stays there.
      if (this.log.follows || last.length === length) this.log.place(length - last.length, last)
      else this.log.grow(length)
      this.show()
      this.close()
    } catch (cause) {
      if (this.isOver || isAbort(cause)) return
      this.logError.value = describe(cause)
      if (attempts > 1) this.later('last', POLL_MS, () => void this.finish(attempts - 1))
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

  private cancelAll(): void {
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.timers.clear()
  }
}

/** Whether a part of the output that was asked for with the greatest limit is the last one, or the only one. */
function isSurelyAll(records: readonly string[]): boolean {
  return records.length < MOST_LINES && records.reduce((sum, record) => sum + record.length, 0) < SURELY_WHOLE
}
