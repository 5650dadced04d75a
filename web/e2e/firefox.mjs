// Firefox as Debian has it, driven by its own remote control (Marionette): what a test needs to see that a page works there too.
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from './ports.mjs'

const START_MS = 60_000
const STEP_MS = Number(process.env.STEP_TIMEOUT ?? 30_000)
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
const KEYS = { End: '\uE010', Home: '\uE011', PageUp: '\uE00E', PageDown: '\uE00F' }

/** Where Firefox is; null if it is not installed. */
export function firefoxPath() {
  const places = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'firefox-esr'))
  return [process.env.FIREFOX, ...places].find((path) => path && isProgram(path)) ?? null
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A Firefox without a window, with a profile of its own. */
export async function firefox() {
  const profile = mkdtempSync(join(tmpdir(), 'semaphore-firefox-'))
  const port = await freePort()
  const settings = { 'marionette.port': port, 'browser.shell.checkDefaultBrowser': false, 'datareporting.policy.dataSubmissionEnabled': false, 'app.update.enabled': false, 'browser.startup.homepage_override.mstone': 'ignore', 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, 'toolkit.telemetry.enabled': false, 'extensions.update.enabled': false }
  writeFileSync(join(profile, 'user.js'), Object.entries(settings).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''))
  const child = spawn(firefoxPath(), ['--marionette', '--headless', '--no-remote', '--profile', profile, 'about:blank'], { stdio: 'ignore', env: { ...process.env, HOME: profile } })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let control = null
  const close = async () => {
    await control?.call('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => undefined)
    const slow = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(slow)
    rmSync(profile, { recursive: true, force: true })
  }
  try {
    control = await reach(port, ended)
    await control.call('WebDriver:NewSession', { capabilities: { alwaysMatch: { pageLoadStrategy: 'eager' } } })
    await control.call('WebDriver:SetTimeouts', { script: STEP_MS, pageLoad: STEP_MS, implicit: 0 })
    await control.call('WebDriver:SetWindowRect', { width: 1280, height: 800 })
  } catch (error) {
    await close()
    throw error
  }
  return new Page(control, close)
}

class Page {
  constructor(control, close) {
    this.control = control
    this.close = close
  }

  goto = (address) => this.control.call('WebDriver:Navigate', { url: address })

  /** Runs statements in the page; gives what they return. */
  async run(script) {
    return (await this.control.call('WebDriver:ExecuteScript', { script, args: [] })).value
  }

  /** Waits until an expression of the page is true. */
  async until(expression, what) {
    const end = Date.now() + STEP_MS
    while (!(await this.run(`return !!(${expression})`))) {
      if (Date.now() > end) throw new Error(`in vain: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  async keys(selector, ...names) {
    const { value } = await this.control.call('WebDriver:FindElement', { using: 'css selector', value: selector })
    await this.control.call('WebDriver:ElementSendKeys', { id: value[ELEMENT], text: names.map((name) => KEYS[name] ?? name).join('') })
  }

  async signIn(base, login, password) {
    await this.goto(`${base}/auth/login`)
    const body = JSON.stringify(JSON.stringify({ auth: login, password }))
    const address = JSON.stringify(`${base}/api/auth/login`)
    const { value } = await this.control.call('WebDriver:ExecuteAsyncScript', { script: `fetch(${address}, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: ${body} }).then((answer) => arguments[0](answer.status))`, args: [] })
    if (value !== 204) throw new Error(`${login} cannot sign in: ${value}`)
  }

  async picture(name) {
    const folder = process.env.SCREENSHOTS ?? ''
    if (folder === '') return
    const { value } = await this.control.call('WebDriver:TakeScreenshot', { full: false })
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${name}.png`), Buffer.from(value, 'base64'))
  }
}

/** Connects as soon as Firefox listens. */
async function reach(port, ended) {
  let isOver = false
  void ended.then(() => (isOver = true))
  for (const end = Date.now() + START_MS; Date.now() < end && !isOver; ) {
    const control = await Control.connect(port).catch(() => null)
    if (control) return control
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('Firefox does not answer')
}

/** Calls as `LENGTH:[0,id,name,parameters]`, answers as `LENGTH:[1,id,error,result]`. */
class Control {
  static connect(port) {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      const control = new Control(socket, () => resolve(control))
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
  }

  constructor(socket, greeted) {
    this.socket = socket
    this.greeted = greeted
    this.waiting = new Map()
    this.buffer = Buffer.alloc(0)
    this.last = 0
    socket.on('data', (data) => this.take(data))
    socket.on('close', () => this.waiting.forEach(({ reject }) => reject(new Error('Firefox has closed'))))
  }

  take(data) {
    this.buffer = Buffer.concat([this.buffer, data])
    for (;;) {
      const colon = this.buffer.indexOf(':')
      const length = Number(this.buffer.subarray(0, Math.max(colon, 0)))
      if (colon < 1 || this.buffer.length < colon + 1 + length) return
      const message = JSON.parse(this.buffer.subarray(colon + 1, colon + 1 + length))
      this.buffer = this.buffer.subarray(colon + 1 + length)
      if (!Array.isArray(message)) {
        this.greeted()
        continue
      }
      const [, id, error, result] = message
      const { name, resolve, reject } = this.waiting.get(id)
      this.waiting.delete(id)
      if (error) reject(new Error(`${name}: ${error.message}`))
      else resolve(result ?? {})
    }
  }

  call(name, parameters = {}) {
    const id = (this.last += 1)
    const text = JSON.stringify([0, id, name, parameters])
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { name, resolve, reject })
      this.socket.write(`${Buffer.byteLength(text)}:${text}`)
    })
  }
}
