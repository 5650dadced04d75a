// Ports of this machine, for the browser tests that start servers by themselves.
import { connect, createServer } from 'node:net'

// Below the range from which Linux takes the ports of connections: one of those may be taken while a server is restarted.
const FIRST = 12_000
const COUNT = 18_000
let next = process.pid * 7919

/** A port that nobody listens on; each is given once. */
export async function freePort() {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT)
    if (await isFree(port)) return port
  }
  throw new Error('no port is free')
}

function isFree(port) {
  return new Promise((resolve) => {
    const listener = createServer().once('error', () => resolve(false))
    listener.listen(port, '127.0.0.1', () => listener.close(() => resolve(true)))
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
