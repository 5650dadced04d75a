import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import type { Task, TaskOutput, TaskStatus } from '@/api/types'
import { LiveSocket, readFrame } from '@/live/socket'
import { TaskFeed } from '@/task/feed'

class FakeSocket {
  static all: FakeSocket[] = []
  readyState = 0
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  closed = false

  constructor() {
    FakeSocket.all.push(this)
  }

  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1]!
  }

  open() {
    this.readyState = 1
    this.onopen?.()
  }

  drop() {
    this.readyState = 3
    this.onclose?.()
  }

  send(frame: object) {
    this.onmessage?.({ data: JSON.stringify({ project_id: 1, task_id: 7, ...frame }) })
  }

  close() {
    this.closed = true
  }
}

const START = 1_700_000_000_000
const time = (at: number) => new Date(START + at).toISOString()

/** A server with one task: what it stores, and what it tells over the socket. */
class FakeServer {
  stored: TaskOutput[] = []
  status: TaskStatus = 'running'
  end: string | null = null
  failOutput = false
  outputCalls = 0

  readonly task = vi.fn(async (): Promise<Task> => ({
    id: 7, template_id: 1, project_id: 1, status: this.status, created: time(0), start: time(0), end: this.end,
  }))

  readonly output = vi.fn(async () => {
    this.outputCalls += 1
    if (this.failOutput) throw new ApiError(500, 'The server failed.')
    return [...this.stored]
  })

  store(...texts: string[]) {
    for (const output of texts) this.stored.push({ id: this.stored.length + 1, task_id: 7, time: time(this.stored.length), output })
  }

  /** The live frame of the stored line `index`. */
  tell(index: number, text: string) {
    FakeSocket.last.send({ type: 'log', output: text, time: time(index) })
  }

  finish(status: TaskStatus) {
    this.status = status
    this.end = time(1000)
    FakeSocket.last.send({ type: 'update', template_id: 1, status, start: time(0), end: null, version: null })
    FakeSocket.last.send({ type: 'update', template_id: 1, status, start: time(0), end: this.end, version: null })
  }
}

let server: FakeServer
let socket: LiveSocket
let feed: TaskFeed
const shown = () => Array.from({ length: feed.log.length }, (_unused, index) => feed.log.text(index))

beforeEach(() => {
  vi.useFakeTimers({ now: START + 500 })
  FakeSocket.all = []
  server = new FakeServer()
  socket = new LiveSocket(() => new FakeSocket() as unknown as WebSocket, () => 1)
  feed = new TaskFeed(server, socket, 1, 7)
})

afterEach(() => {
  feed.stop()
  socket.close()
  vi.useRealTimers()
})

describe('a task as the page shows it', () => {
  it('joins store and live lines, and ends equal to the store', async () => {
    server.store('a', 'b')
    void feed.start()
    FakeSocket.last.open()
    server.tell(1, 'b')
    server.tell(2, 'c')
    await vi.advanceTimersByTimeAsync(200)
    expect(shown()).toEqual(['a', 'b', 'c'])
    expect(feed.connection.value).toBe('live')
    server.tell(3, 'd')
    await vi.advanceTimersByTimeAsync(200)
    expect(shown()).toEqual(['a', 'b', 'c', 'd'])

    server.store('c', 'd', 'e')
    server.finish('success')
    await vi.advanceTimersByTimeAsync(3000)
    expect(shown()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(feed.task.value).toMatchObject({ status: 'success', end: server.end })
    expect(feed.connection.value).toBe('ended')
    const calls = server.outputCalls
    await vi.advanceTimersByTimeAsync(60_000)
    expect(server.outputCalls).toBe(calls)
  })

  it('waits for a store that is behind the last frames', async () => {
    server.store('a')
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(2000)
    server.tell(1, 'b')
    server.tell(2, 'c')
    server.finish('error')
    await vi.advanceTimersByTimeAsync(1000)
    expect(shown()).toEqual(['a', 'b', 'c'])
    expect(feed.connection.value).not.toBe('ended')
    server.store('b', 'c', 'd')
    await vi.advanceTimersByTimeAsync(3000)
    expect(shown()).toEqual(['a', 'b', 'c', 'd'])
    expect(feed.connection.value).toBe('ended')
  })

  it('learns of the end also when its frame does not come', async () => {
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(2000)
    server.store('a')
    server.status = 'success'
    server.end = time(1000)
    await vi.advanceTimersByTimeAsync(8000)
    expect(feed.task.value?.status).toBe('success')
    expect(shown()).toEqual(['a'])
    expect(feed.connection.value).toBe('ended')
  })

  it('takes a store as it is that never catches up', async () => {
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(2000)
    server.tell(0, 'only live')
    server.store('stored')
    server.stored[0]!.output = 'stored'
    server.tell(1, 'lost')
    server.finish('success')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(shown()).toEqual(['stored'])
    expect(feed.connection.value).toBe('ended')
  })

  it('fetches what it missed while the socket was down', async () => {
    server.store('a')
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(2000)
    FakeSocket.last.drop()
    expect(feed.connection.value).toBe('connecting')
    server.store('b', 'c')
    await vi.advanceTimersByTimeAsync(600)
    FakeSocket.last.open()
    server.tell(3, 'd')
    await vi.advanceTimersByTimeAsync(100)
    expect(shown()).toEqual(['a', 'b', 'c', 'd'])
    expect(feed.connection.value).toBe('live')
  })

  it('asks by and by where there is no socket', async () => {
    server.store('a')
    void feed.start()
    FakeSocket.last.drop()
    await vi.advanceTimersByTimeAsync(1100)
    expect(feed.connection.value).toBe('polling')
    expect(shown()).toEqual(['a'])
    server.store('b')
    for (let times = 0; times < 4; times += 1) {
      if (FakeSocket.last.readyState === 0) FakeSocket.last.drop()
      await vi.advanceTimersByTimeAsync(1000)
    }
    expect(shown()).toEqual(['a', 'b'])
    server.status = 'stopped'
    server.end = time(9000)
    await vi.advanceTimersByTimeAsync(8000)
    expect(feed.task.value?.status).toBe('stopped')
    expect(feed.connection.value).toBe('ended')
  })

  it('reads a task that ended long ago once', async () => {
    server.status = 'success'
    server.end = time(-120_000)
    server.store('a')
    void feed.start()
    await vi.advanceTimersByTimeAsync(5000)
    expect(shown()).toEqual(['a'])
    expect(server.outputCalls).toBe(1)
    expect(feed.connection.value).toBe('ended')
  })

  it('tells that the log cannot be read, and tries again', async () => {
    server.failOutput = true
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(200)
    expect(feed.logError.value).toBe('The server failed.')
    server.failOutput = false
    server.store('a')
    await vi.advanceTimersByTimeAsync(4000)
    expect(feed.logError.value).toBeNull()
    expect(shown()).toEqual(['a'])
  })

  it('tells that the task cannot be read, and begins again on demand', async () => {
    server.task.mockRejectedValueOnce(new ApiError(404, 'Not found.'))
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(200)
    expect(feed.error.value?.status).toBe(404)
    server.store('a')
    await feed.retry()
    await vi.advanceTimersByTimeAsync(200)
    expect(feed.error.value).toBeNull()
    expect(shown()).toEqual(['a'])
  })

  it('shows a line before its end, until the line takes its place', async () => {
    server.store('a')
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(200)
    const unfinished = () => [...feed.partial.value]
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '10%' })
    FakeSocket.last.send({ type: 'partial', stream: 'terminal', output: 'Go on? ' })
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '20%' })
    FakeSocket.last.send({ type: 'partial', task_id: 8, stream: 'stdout', output: 'of another task' })
    expect(unfinished()).toEqual([['terminal', 'Go on? '], ['stdout', '20%']])
    expect(shown()).toEqual(['a'])
    server.tell(1, '100%')
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '' })
    // In one step, although live lines are otherwise collected for a moment.
    expect(shown()).toEqual(['a', '100%'])
    expect(unfinished()).toEqual([['terminal', 'Go on? ']])
    server.store('100%')
    server.finish('success')
    expect(unfinished()).toEqual([])
  })

  it('does not mind frames of others', async () => {
    void feed.start()
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(200)
    FakeSocket.last.send({ type: 'log', task_id: 8, output: 'other', time: time(1) })
    FakeSocket.last.send({ type: 'log', project_id: 2, output: 'other', time: time(1) })
    FakeSocket.last.send({ type: 'update', task_id: 8, status: 'success' })
    await vi.advanceTimersByTimeAsync(200)
    expect(shown()).toEqual([])
    expect(feed.task.value?.status).toBe('running')
  })
})

describe('the socket', () => {
  it('connects again with growing pauses, and quickly after a long life', async () => {
    const unsubscribe = socket.subscribe({ frame: () => undefined })
    const pauses: number[] = []
    for (let attempt = 0; attempt < 7; attempt += 1) {
      const before = FakeSocket.all.length
      const since = Date.now()
      FakeSocket.last.drop()
      while (FakeSocket.all.length === before) await vi.advanceTimersByTimeAsync(50)
      pauses.push(Date.now() - since)
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000])
    FakeSocket.last.open()
    await vi.advanceTimersByTimeAsync(11_000)
    FakeSocket.last.drop()
    const before = FakeSocket.all.length
    await vi.advanceTimersByTimeAsync(500)
    expect(FakeSocket.all.length).toBe(before + 1)
    unsubscribe()
  })

  it('is shared, and closes when nobody listens any more', async () => {
    const first = socket.subscribe({ frame: () => undefined })
    const second = socket.subscribe({ frame: () => undefined })
    expect(FakeSocket.all.length).toBe(1)
    FakeSocket.last.open()
    first()
    second()
    await vi.advanceTimersByTimeAsync(4000)
    expect(FakeSocket.last.closed).toBe(false)
    await vi.advanceTimersByTimeAsync(2000)
    expect(FakeSocket.last.closed).toBe(true)
    expect(socket.state).toBe('idle')
  })

  it('does not break a handshake off, but closes after it', () => {
    socket.subscribe({ frame: () => undefined })
    const connecting = FakeSocket.last
    socket.close()
    expect(connecting.closed).toBe(false)
    connecting.open()
    expect(connecting.closed).toBe(true)
  })

  it.each([
    ['no JSON', 'x'],
    ['null', 'null'],
    ['another type', '{"type":"x","task_id":1}'],
    ['no task', '{"type":"log","output":"x"}'],
    ['a log without text', '{"type":"log","task_id":1}'],
    ['binary', new ArrayBuffer(1)],
  ])('%s is no frame', (_name, data) => {
    expect(readFrame(data)).toBeNull()
  })
})
