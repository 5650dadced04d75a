// Ports of this machine, for the browser tests that start servers by themselves.
import { connect, createServer } from 'node:net'

/** A port that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const listener = createServer().once('error', reject)
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address()
      listener.close(() => resolve(port))
    })
  })
}

/** Resolves as soon as somebody listens on the port, within a minute. */
export async function listens(port) {
  for (const until = Date.now() + 60_000; ; ) {
    const reached = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (reached) return
    if (Date.now() > until) throw new Error(`nothing listens on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
