import { socketAddress } from '@/api/address'
import type { Frame } from '@/api/types'

export interface SocketListener {
  /** The connection began; everything before it may have been missed. */
  open?(): void
  closed?(): void
  frame(frame: Frame): void
}

export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting'

/** Seconds before each new attempt. A connection that lived for STABLE_MS starts the row again. */
const DELAYS_MS = [500, 1000, 2000, 4000, 8000, 15_000]
const STABLE_MS = 10_000
/** After the last listener left, the connection is kept for the next page. */
const LINGER_MS = 5000
/** WebSocket.CONNECTING, by value: tests have no WebSocket. */
const CONNECTING = 0

/**
 * A WebSocket of the page. It lives as long as somebody listens, connects again by itself with growing pauses,
 * and hands every frame to every listener; filtering is theirs.
 *
 * The shared one tells lists what changed in all projects of the user. Who shows a task follows it with a socket of its
 * own (`follow`): the server numbers the lines for it and goes on behind the last one that was seen.
 */
export class LiveSocket {
  private readonly listeners = new Set<SocketListener>()
  private socket: WebSocket | null = null
  private attempts = 0
  private openedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private linger: ReturnType<typeof setTimeout> | undefined
  private current: SocketState = 'idle'
  private readonly followers = new Set<LiveSocket>()

  constructor(
    private readonly connectTo: (query: string) => WebSocket = (query) => new WebSocket(socketAddress(query)),
    private readonly random: () => number = Math.random,
    private readonly query: () => string = () => '',
  ) {}

  /**
   * A socket for one task. `seen` says at each connection how many lines are there already. It is hurried and closed
   * with this one; who is done with it calls `leave`.
   */
  follow(task: number, seen: () => number): { readonly socket: LiveSocket; leave(): void } {
    const query = () => `?v=2&task=${task}&since=${seen()}&partial=true`
    const socket = new LiveSocket(this.connectTo, this.random, query)
    this.followers.add(socket)
    const leave = () => {
      this.followers.delete(socket)
      socket.close()
    }
    return { socket, leave }
  }

  get state(): SocketState {
    return this.current
  }

  /** Listens until the returned function is called. `open` is not called for a connection that stands already. */
  subscribe(listener: SocketListener): () => void {
    this.listeners.add(listener)
    clearTimeout(this.linger)
    if (this.current === 'idle') this.connect()
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size === 0) {
        clearTimeout(this.linger)
        this.linger = setTimeout(() => this.close(), LINGER_MS)
      }
    }
  }

  /** Connects now instead of waiting, for example because the browser is back on line. */
  hurry(): void {
    for (const follower of this.followers) follower.hurry()
    if (this.current !== 'waiting') return
    clearTimeout(this.timer)
    this.connect()
  }

  /** Ends the connection (logout, nobody listens). The next listener starts a new one. */
  close(): void {
    for (const follower of this.followers) follower.close()
    clearTimeout(this.timer)
    clearTimeout(this.linger)
    const socket = this.socket
    this.socket = null
    this.current = 'idle'
    this.attempts = 0
    if (socket) {
      detach(socket)
      // Closing in the middle of the handshake makes browsers complain in the console.
      if (socket.readyState === CONNECTING) socket.onopen = () => socket.close()
      else socket.close()
    }
    for (const listener of [...this.listeners]) listener.closed?.()
  }

  /** Ends this connection and begins another after the usual pause. */
  renew(): void {
    const socket = this.socket
    if (this.current !== 'open' || socket === null) return
    detach(socket)
    socket.close()
    this.ended()
  }

  private connect(): void {
    this.current = 'connecting'
    let socket: WebSocket
    try {
      socket = this.connectTo(this.query())
    } catch {
      this.retry()
      return
    }
    this.socket = socket
    socket.onopen = () => {
      this.current = 'open'
      this.openedAt = Date.now()
      for (const listener of [...this.listeners]) listener.open?.()
    }
    socket.onmessage = (event: MessageEvent) => {
      const frame = readFrame(event.data)
      if (frame) for (const listener of [...this.listeners]) listener.frame(frame)
    }
    socket.onclose = () => {
      detach(socket)
      this.ended()
    }
  }

  private ended(): void {
    const wasOpen = this.current === 'open'
    this.socket = null
    if (wasOpen && Date.now() - this.openedAt >= STABLE_MS) this.attempts = 0
    this.retry()
    if (wasOpen) for (const listener of [...this.listeners]) listener.closed?.()
  }

  private retry(): void {
    if (this.listeners.size === 0) {
      this.current = 'idle'
      return
    }
    this.current = 'waiting'
    const base = DELAYS_MS[Math.min(this.attempts, DELAYS_MS.length - 1)] ?? 15_000
    this.attempts += 1
    // Half fixed, half by chance: after a restart of the server not everybody comes at once.
    this.timer = setTimeout(() => this.connect(), base / 2 + (this.random() * base) / 2)
  }
}

function detach(socket: WebSocket): void {
  socket.onopen = null
  socket.onmessage = null
  socket.onclose = null
}

/** A frame that the page knows, or null for anything else, also the `log` frames of the shared socket: nobody shows them. */
export function readFrame(data: unknown): Frame | null {
  if (typeof data !== 'string') return null
  try {
    const parsed = JSON.parse(data) as Partial<Frame> | null
    if (parsed === null || typeof parsed.task_id !== 'number') return null
    if (parsed.type === 'lines')
      return typeof parsed.first === 'number' && Array.isArray(parsed.lines) ? (parsed as Frame) : null
    if (parsed.type === 'gone') return parsed as Frame
    if (parsed.type === 'partial')
      return typeof parsed.output === 'string' && typeof parsed.stream === 'string' ? (parsed as Frame) : null
    if (parsed.type === 'update') return typeof parsed.status === 'string' ? (parsed as Frame) : null
    return null
  } catch {
    return null
  }
}

export const liveSocket = new LiveSocket()
