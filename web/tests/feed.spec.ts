import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import type { OutputPart } from '@/api/endpoints'
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

  constructor(readonly query: string) {
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

  readonly output = vi.fn(async (_project: number, _task: number, part: OutputPart): Promise<string[]> => {
    this.outputCalls += 1
    if (this.failOutput) throw new ApiError(500, 'The server failed.')
    const outputs = this.stored.map((line) => line.output)
    return 'tail' in part ? outputs.slice(-part.tail) : outputs.slice(part.offset, part.offset + part.limit)
  })

  readonly outputLength = vi.fn(async () => this.stored.length)

  store(...texts: string[]) {
    for (const output of texts) this.stored.push({ id: this.stored.length + 1, task_id: 7, time: time(this.stored.length), output })
  }

  /** The frame of the stored lines from number `first` on. */
  tell(first: number) {
    const lines = this.stored.slice(first - 1).map(({ output, time }) => ({ output, time }))
    FakeSocket.last.send({ type: 'lines', first, last: this.stored.length, lines })
  }

  finish(status: TaskStatus) {
    this.status = status
    this.end = time(1000)
    const update = { type: 'update', template_id: 1, status, start: time(0), version: null, line: this.stored.length }
    FakeSocket.last.send({ ...update, end: null })
    FakeSocket.last.send({ ...update, end: this.end })
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
  socket = new LiveSocket((query) => new FakeSocket(query) as unknown as WebSocket, () => 1)
  feed = new TaskFeed(server, socket, 1, 7)
})

afterEach(() => {
  feed.stop()
  socket.close()
  vi.useRealTimers()
})

/** The feed has begun, and its connection stands. */
async function connected() {
  void feed.start()
  await vi.advanceTimersByTimeAsync(0)
  FakeSocket.last.open()
}

describe('a task as the page shows it', () => {
  it('shows the lines as they come, and ends with the last status', async () => {
    await connected()
    expect(FakeSocket.last.query).toBe('?v=2&task=7&since=0&partial=true')
    server.store('a', 'b')
    server.tell(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(shown()).toEqual(['a', 'b'])
    expect(feed.connection.value).toBe('live')
    server.store('c')
    server.tell(3)
    server.finish('success')
    expect(shown()).toEqual(['a', 'b', 'c'])
    expect(feed.connection.value).toBe('ended')
    expect(FakeSocket.last.closed).toBe(true)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(feed.task.value).toMatchObject({ status: 'success', end: server.end })
    // The log came by socket alone, and nothing is asked any more.
    expect(server.outputCalls).toBe(0)
    expect(FakeSocket.all.length).toBe(1)
  })

  it('reads the last lines from the store if the end is known and its frames do not come', async () => {
    await connected()
    server.store('a')
    server.tell(1)
    server.store('b')
    server.status = 'success'
    server.end = time(1000)
    await vi.advanceTimersByTimeAsync(9000)
    expect(feed.task.value?.status).toBe('success')
    expect(shown()).toEqual(['a', 'b'])
    expect(feed.connection.value).toBe('ended')
  })

  it('waits for last lines that are still coming', async () => {
    await connected()
    server.status = 'success'
    server.end = time(1000)
    for (let second = 0; second < 12; second += 1) {
      server.store(`line ${second}`)
      server.tell(second + 1)
      await vi.advanceTimersByTimeAsync(1000)
    }
    expect(feed.connection.value).toBe('live')
    expect(server.outputCalls).toBe(0)
    server.finish('success')
    expect(shown().length).toBe(12)
    expect(feed.connection.value).toBe('ended')
  })

  it('goes on behind the last line after a disconnection', async () => {
    server.store('a', 'a')
    await connected()
    server.tell(1)
    FakeSocket.last.drop()
    expect(feed.connection.value).toBe('connecting')
    server.store('a', 'b')
    await vi.advanceTimersByTimeAsync(600)
    FakeSocket.last.open()
    expect(FakeSocket.last.query).toBe('?v=2&task=7&since=2&partial=true')
    server.tell(3)
    await vi.advanceTimersByTimeAsync(100)
    expect(shown()).toEqual(['a', 'a', 'a', 'b'])
    expect(feed.connection.value).toBe('live')
    expect(server.outputCalls).toBe(0)
  })

  it('goes on behind what it read while there was no socket', async () => {
    server.store('a')
    await connected()
    server.tell(1)
    FakeSocket.last.drop()
    server.store('b')
    for (let seconds = 0; seconds < 7; seconds += 1) {
      if (FakeSocket.last.readyState === 0) FakeSocket.last.drop()
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(shown()).toEqual(['a', 'b'])
    await vi.advanceTimersByTimeAsync(20_000)
    FakeSocket.last.open()
    server.store('c')
    server.tell(3)
    await vi.advanceTimersByTimeAsync(100)
    expect(shown()).toEqual(['a', 'b', 'c'])
  })

  it('shows what a server has that lost its newest lines', async () => {
    server.store('a', 'b', 'c')
    await connected()
    server.tell(1)
    FakeSocket.last.drop()
    server.stored.length = 1
    server.store('B')
    await vi.advanceTimersByTimeAsync(600)
    FakeSocket.last.open()
    server.tell(2)
    await vi.advanceTimersByTimeAsync(100)
    expect(shown()).toEqual(['a', 'B'])
  })

  it('comes back at once if lines are missing between two batches', async () => {
    server.store('a', 'b', 'c')
    await connected()
    FakeSocket.last.send({ type: 'lines', first: 3, last: 3, lines: [{ output: 'c', time: time(2) }] })
    expect(FakeSocket.last.closed).toBe(true)
    await vi.advanceTimersByTimeAsync(600)
    FakeSocket.last.open()
    server.tell(1)
    await vi.advanceTimersByTimeAsync(100)
    expect(shown()).toEqual(['a', 'b', 'c'])
  })

  it('ends when the task was deleted', async () => {
    server.store('a')
    await connected()
    server.tell(1)
    FakeSocket.last.send({ type: 'gone' })
    expect(shown()).toEqual(['a'])
    expect(feed.connection.value).toBe('ended')
  })

  it('asks by and by where there is no socket', async () => {
    server.store('a')
    void feed.start()
    await vi.advanceTimersByTimeAsync(0)
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
    await vi.advanceTimersByTimeAsync(1200)
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
    await vi.advanceTimersByTimeAsync(200)
    expect(feed.error.value?.status).toBe(404)
    server.store('a')
    await feed.retry()
    FakeSocket.last.open()
    server.tell(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(feed.error.value).toBeNull()
    expect(shown()).toEqual(['a'])
  })

  it('shows a line before its end, until the line takes its place', async () => {
    server.store('a')
    await connected()
    server.tell(1)
    await vi.advanceTimersByTimeAsync(200)
    const unfinished = () => [...feed.partial.value]
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '10%' })
    FakeSocket.last.send({ type: 'partial', stream: 'terminal', output: 'Go on? ' })
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '20%' })
    FakeSocket.last.send({ type: 'partial', task_id: 8, stream: 'stdout', output: 'of another task' })
    expect(unfinished()).toEqual([['terminal', 'Go on? '], ['stdout', '20%']])
    expect(shown()).toEqual(['a'])
    server.store('100%')
    server.tell(2)
    FakeSocket.last.send({ type: 'partial', stream: 'stdout', output: '' })
    // In one step, although live lines are otherwise collected for a moment.
    expect(shown()).toEqual(['a', '100%'])
    expect(unfinished()).toEqual([['terminal', 'Go on? ']])
    server.finish('success')
    expect(unfinished()).toEqual([])
  })

  it('of a long log is told from near its end, and reads what is looked at', async () => {
    server.store(...Array.from({ length: 30_000 }, (_line, index) => `line ${index + 1}`))
    await connected()
    expect(FakeSocket.last.query).toBe('?v=2&task=7&since=20000&partial=true')
    server.tell(20_001)
    await vi.advanceTimersByTimeAsync(200)
    expect([feed.log.length, feed.log.held.from, feed.log.text(29_999)]).toEqual([30_000, 20_000, 'line 30000'])
    feed.follow(false)
    feed.want(100, 150)
    await vi.advanceTimersByTimeAsync(0)
    expect(feed.log.text(120)).toBe('line 121')
    expect(feed.log.text(29_999)).toBe('')
    // What comes meanwhile is counted, not held.
    server.store('new')
    server.tell(30_001)
    expect(feed.log.length).toBe(30_001)
    expect(feed.log.text(120)).toBe('line 121')
    feed.want(29_980, 30_001)
    await vi.advanceTimersByTimeAsync(0)
    expect(feed.log.text(30_000)).toBe('new')
  })

  it('of a long log that ended reads the end', async () => {
    server.status = 'success'
    server.end = time(-120_000)
    server.store(...Array.from({ length: 30_000 }, (_line, index) => `line ${index + 1}`))
    void feed.start()
    await vi.advanceTimersByTimeAsync(5000)
    expect([feed.log.length, feed.log.held.from, feed.log.text(29_999)]).toEqual([30_000, 20_000, 'line 30000'])
    expect(feed.connection.value).toBe('ended')
  })

  it('does not mind frames of others', async () => {
    await connected()
    FakeSocket.last.send({ type: 'lines', task_id: 8, first: 1, last: 1, lines: [{ output: 'other', time: time(1) }] })
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

  it('takes the sockets that follow tasks along, to hurry and to close', async () => {
    const { socket: follower, leave } = socket.follow(7, () => 3)
    follower.subscribe({ frame: () => undefined })
    FakeSocket.last.drop()
    socket.hurry()
    expect(FakeSocket.all.length).toBe(2)
    FakeSocket.last.open()
    socket.close()
    expect(FakeSocket.last.closed).toBe(true)
    expect(follower.state).toBe('idle')
    leave()
    socket.hurry()
    expect(FakeSocket.all.length).toBe(2)
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
    ['no task', '{"type":"lines","first":1,"lines":[]}'],
    ['lines without a number', '{"type":"lines","task_id":1,"lines":[]}'],
    ['a partial line without text', '{"type":"partial","task_id":1,"stream":"stdout"}'],
    ['binary', new ArrayBuffer(1)],
  ])('%s is no frame', (_name, data) => {
    expect(readFrame(data)).toBeNull()
  })
})
