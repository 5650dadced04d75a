// The browser test of a log that goes on: the connection of the task's page breaks, and the server is killed and started
// again, and every line is on the page once.
//
//   SERVER_BIN=target/release/semaphore node e2e/reconnect.mjs
//
// It starts the server by itself, on a free port and with data of its own; the browser reaches it through a proxy that can be
// cut. Optional: CHROMIUM, SCREENSHOTS as in run.mjs.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { assert, consoleErrors, finish, launch, picture, test, watchConsole } from './browser.mjs'
import { ownServer } from './own-server.mjs'

const STEP_TIMEOUT = 30_000
/** Lines that a task prints: so few that the page has a row for each. */
const LINES = 80
let proxy = null
const server = await ownServer('reconnect', {
  front: async (port) => {
    proxy = await cuttable(port)
    return `http://localhost:${proxy.port}`
  },
})
const { base, password } = server
const browser = await launch()
try {
  await scenario()
} catch (error) {
  await test('the scenario goes on to its end', () => Promise.reject(error))
} finally {
  await browser.close()
  proxy.close()
  await server.remove()
}
finish()

async function scenario() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 4000 } })
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_TIMEOUT)
  watchConsole(page)
  await page.goto(`${base}/projects`)
  await page.getByLabel('User name or e-mail').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
  const { project, template } = await furnish(page)
  const run = async () => (await call(page, 'POST', `project/${project}/tasks`, { template_id: template })).id
  const show = (where, task) => where.goto(`${base}/project/${project}/tasks/${task}`)

  await test('the connection breaks twice: the log goes on, every line once', async () => {
    const task = await run()
    await show(page, task)
    for (const line of [10, 40]) {
      await row(page, `line ${line} `).waitFor()
      proxy.cut()
      // Some lines are printed while there is no way to the server.
      await new Promise((resolve) => setTimeout(resolve, 700))
      proxy.mend()
    }
    await ended(page, 'success')
    await everyLineOnce(page, project, task, LINES)
    await picture(page, 'reconnect-cut')
  })

  await test('the server is killed and started again: what is stored is on the page once, and a waiting task runs before its eyes', async () => {
    const running = await run()
    const waiting = await run()
    const second = await context.newPage()
    second.setDefaultTimeout(STEP_TIMEOUT)
    watchConsole(second)
    await show(second, waiting)
    await second.locator('main [data-status="waiting"]').first().waitFor()
    await show(page, running)
    await row(page, 'line 20 ').waitFor()
    await server.stop('SIGKILL')
    await server.start()
    await page.locator('.log-state.ended').waitFor()
    await everyLineOnce(page, project, running, 20)
    await ended(second, 'success')
    await everyLineOnce(second, project, waiting, LINES)
    await picture(second, 'reconnect-killed')
    await second.close()
  })

  await test('no error in the console but broken connections', async () => {
    const others = consoleErrors.filter((text) => !/WebSocket connection to|net::ERR_/.test(text))
    assert(others.length === 0, others.slice(0, 5).join(' | '))
  })
}

/** The row of the log that begins with a text. */
function row(page, text) {
  return page.locator('.log-row .log-text').filter({ hasText: text }).first()
}

async function ended(page, status) {
  await page.locator('.log-state.ended').waitFor()
  const now = await page.locator('main [data-status]').first().getAttribute('data-status')
  assert(now === status, `the task ended as ${now}`)
}

/** The page shows the stored log as it is, and the lines that the program printed are in it once and in order. */
async function everyLineOnce(page, project, task, atLeast) {
  const stored = (await call(page, 'GET', `project/${project}/tasks/${task}/output`)).map((record) => record.output.replace(/\u001b\[[0-9;]*m/g, ''))
  await page.waitForFunction((count) => document.querySelectorAll('.log-row').length === count, stored.length)
  const shown = await page.locator('.log-row .log-text').allInnerTexts()
  const different = stored.findIndex((line, index) => line.trim() !== (shown[index] ?? '').trim())
  assert(different < 0, `line ${different + 1} of the page is ${JSON.stringify(shown[different])}, not ${JSON.stringify(stored[different])}`)
  const numbers = shown.map((line) => /^line (\d+) /.exec(line)?.[1]).filter(Boolean).map(Number)
  assert(numbers.every((number, index) => number === index + 1), `printed lines on the page: ${numbers.join(' ')}`)
  assert(numbers.length >= atLeast, `only ${numbers.length} printed lines`)
}

/** A call of the API with the session of the page. */
function call(page, method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(`/api/${path}`, { method, body: body && JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    const text = await answer.text()
    return answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
  }, [method, path, body])
}

/** A project with a template that prints `line 1 ...` and so on, a few dozen a second. */
async function furnish(page) {
  const repository = join(server.directory, 'repository')
  mkdirSync(repository)
  writeFileSync(join(repository, 'lines.sh'), `for number in $(seq ${LINES}); do echo "line $number of the log"; sleep 0.05; done\n`)
  for (const git of [['init', '-q', '-b', 'main'], ['add', '.'], ['-c', 'user.name=b', '-c', 'user.email=b@example.com', 'commit', '-qm', 'lines']]) {
    const done = spawnSync('git', ['-C', repository, ...git], { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`git ${git[0]}: ${done.stderr}`)
  }
  const project = (await call(page, 'POST', 'projects', { name: 'Reconnect' })).id
  const make = async (list, fields) => (await call(page, 'POST', `project/${project}/${list}`, { project_id: project, ...fields })).id
  const key = await make('keys', { name: 'none', type: 'none' })
  const repository_id = await make('repositories', { name: 'r', git_url: repository, git_branch: 'main', ssh_key_id: key })
  const inventory_id = await make('inventory', { name: 'i', type: 'static', inventory: 'localhost', ssh_key_id: key })
  const environment_id = await make('environment', { name: 'e', json: '{}', env: '{}' })
  const template = await make('templates', { name: 'Lines', app: 'bash', playbook: 'lines.sh', type: '', arguments: '[]', repository_id, inventory_id, environment_id })
  return { project, template }
}

/** A proxy in front of a port, whose connections can be cut, also the new ones until it is mended. */
function cuttable(behind) {
  const sockets = new Set()
  let isCut = false
  const listener = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(behind, '127.0.0.1')
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one)
      one.on('error', () => undefined).on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  const drop = () => sockets.forEach((socket) => socket.destroy())
  return new Promise((resolve) => {
    listener.listen(0, '127.0.0.1', () =>
      resolve({
        port: listener.address().port,
        cut: () => {
          isCut = true
          drop()
        },
        mend: () => (isCut = false),
        close: () => {
          listener.close()
          drop()
        },
      }),
    )
  })
}
