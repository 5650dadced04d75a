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
 * The one WebSocket of the page. It lives as long as somebody listens, connects again by itself with growing pauses,
 * and hands every frame to every listener; filtering is theirs, the server sends all projects of the user.
 */
export class LiveSocket {
  private readonly listeners = new Set<SocketListener>()
  private socket: WebSocket | null = null
  private attempts = 0
  private openedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private linger: ReturnType<typeof setTimeout> | undefined
  private current: SocketState = 'idle'

  constructor(
    private readonly connectTo: () => WebSocket = () => new WebSocket(socketAddress()),
    private readonly random: () => number = Math.random,
  ) {}

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
    if (this.current !== 'waiting') return
    clearTimeout(this.timer)
    this.connect()
  }

  /** Ends the connection (logout, nobody listens). The next listener starts a new one. */
  close(): void {
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

  private connect(): void {
    this.current = 'connecting'
    let socket: WebSocket
    try {
      socket = this.connectTo()
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
      const wasOpen = this.current === 'open'
      detach(socket)
      this.socket = null
      if (wasOpen && Date.now() - this.openedAt >= STABLE_MS) this.attempts = 0
      this.retry()
      if (wasOpen) for (const listener of [...this.listeners]) listener.closed?.()
    }
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

/** A frame, or null for anything that is none. */
export function readFrame(data: unknown): Frame | null {
  if (typeof data !== 'string') return null
  try {
    const parsed = JSON.parse(data) as Partial<Frame> | null
    if (parsed === null || typeof parsed.task_id !== 'number') return null
    if (parsed.type === 'log') return typeof parsed.output === 'string' ? (parsed as Frame) : null
    if (parsed.type === 'partial')
      return typeof parsed.output === 'string' && typeof parsed.stream === 'string' ? (parsed as Frame) : null
    if (parsed.type === 'update') return typeof parsed.status === 'string' ? (parsed as Frame) : null
    return null
  } catch {
    return null
  }
}

export const liveSocket = new LiveSocket()
