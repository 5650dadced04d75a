// A server that a browser test starts, kills and starts again by itself: on a free port, with data of its own and an administrator.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, listens } from './ports.mjs'

/**
 * Makes the data and starts the server. What else the tests share reads where the server is when it is loaded, so that is put into the
 * environment here, and `visit.mjs` is imported afterwards. `front` is told the port and says under which address people reach it, if it
 * is not the server's own; `more` are further settings.
 */
export async function ownServer(name, { front = (port) => `http://localhost:${port}`, more = {} } = {}) {
  const program = process.env.SERVER_BIN
  if (!program) {
    console.error('SERVER_BIN is not set. See the head of the test.')
    process.exit(2)
  }
  const directory = mkdtempSync(join(tmpdir(), `semaphore-${name}-`))
  const config = join(directory, 'config.json')
  const password = randomBytes(12).toString('hex')
  const port = await freePort()
  const key = () => randomBytes(32).toString('base64')
  const settings = {
    dialect: 'sqlite',
    sqlite: { host: join(directory, 'database.sqlite') },
    tmp_path: join(directory, 'tmp'),
    interface: '127.0.0.1',
    port: String(port),
    web_host: await front(port),
    cookie_hash: key(),
    cookie_encryption: key(),
    access_key_encryption: key(),
    ...more,
  }
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 })
  const added = spawnSync(program, ['user', 'add', '--config', config, '--admin', '--login', 'admin', '--name', 'Administrator', '--email', 'admin@localhost', '--stdin-password'], { input: `${password}\n`, encoding: 'utf8' })
  if (added.status !== 0) throw new Error(`the administrator could not be made: ${added.stdout}${added.stderr}`)
  Object.assign(process.env, { BASE_URL: settings.web_host, LOGIN: 'admin', PASSWORD: password })
  let server = null

  async function start() {
    const output = openSync(join(directory, 'server.log'), 'a')
    server = spawn(program, ['server', '--config', config], { stdio: ['ignore', output, output] })
    await listens(port)
  }

  function stop(signal) {
    return new Promise((resolve) => {
      if (server === null || server.exitCode !== null || server.signalCode !== null) return resolve()
      server.once('exit', resolve)
      return server.kill(signal)
    })
  }

  async function remove() {
    await stop('SIGTERM')
    rmSync(directory, { recursive: true, force: true })
  }

  await start()
  return { directory, base: settings.web_host, password, start, stop, remove }
}
