// What the browser tests share: the browser, steps that are counted, pictures, and errors of the console.
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { chromium } from 'playwright-core'

const pictures = process.env.SCREENSHOTS ?? ''
let passed = 0
let failed = 0

/** What the console of a watched page said that it should not have. */
export const consoleErrors = []

/** What the pages asked the API for, as `GET /api/projects`; what a test asks beside its page is not among it. */
const calls = new Set()

export async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const newContext = browser.newContext.bind(browser)
  browser.newContext = async (options) => {
    const context = await newContext(options)
    context.on('request', (request) => noteCall(request.method(), request.url()))
    context.on('page', (page) => page.on('websocket', (socket) => noteCall('GET', socket.url())))
    return context
  }
  return browser
}

function noteCall(method, address) {
  const { pathname } = new URL(address)
  if (pathname.includes('/api/')) calls.add(`${method} ${pathname.slice(pathname.indexOf('/api/'))}`)
}

/**
 * Notes errors and warnings of the page. Answers that a test provokes are no errors of the page: the browser itself reports them.
 * Nor are those of addresses that do not begin with `own`, if it is given.
 */
export function watchConsole(page, { provoked = [400, 401, 404], own = '' } = {}) {
  const reported = new RegExp(`^Failed to load resource: the server responded with a status of (${provoked.join('|')})`)
  page.on('pageerror', (error) => consoleErrors.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // Vuetify moves the label of a field that is taken away in the same moment, so it has no size: nothing to be seen.
    if (/^Invalid keyframe value for property transform: .* scale\(NaN\)$/.test(message.text())) return
    if (reported.test(message.text()) || !message.location().url.startsWith(own)) return
    consoleErrors.push(`${message.type()}: ${message.text()}`)
  })
}

export async function picture(page, name) {
  if (pictures === '') return
  // Labels, dialogs and drawers glide; the picture is taken when they stand still.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((animation) => animation.effect?.getTiming().iterations === 1).map((animation) => animation.finished.catch(() => null))))
  mkdirSync(pictures, { recursive: true })
  await page.screenshot({ path: join(pictures, `${name}.png`) })
}

export async function test(name, body) {
  const began = Date.now()
  try {
    await body()
    passed += 1
    console.log(`ok    ${name} (${Date.now() - began} ms)`)
  } catch (error) {
    failed += 1
    console.log(`FAIL  ${name}: ${error.message}`)
  }
}

export function assert(condition, message) {
  if (!condition) throw new Error(message)
}

/** Prints the counts and ends the program; its status is 0 only if nothing failed. Into CALLED_ROUTES go the calls, for routes.mjs. */
export function finish() {
  if (process.env.CALLED_ROUTES) {
    mkdirSync(process.env.CALLED_ROUTES, { recursive: true })
    writeFileSync(join(process.env.CALLED_ROUTES, `${basename(process.argv[1], '.mjs')}.txt`), `${[...calls].sort().join('\n')}\n`)
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
