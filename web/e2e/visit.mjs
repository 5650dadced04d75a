// What the browser tests of the pages for managing share: a signed-in person, calls of the API beside the page, forms, pictures of both themes.
import { readFileSync } from 'node:fs'
import { assert, consoleErrors, finish, launch, picture, test, watchConsole } from './browser.mjs'

export const base = required('BASE_URL').replace(/\/+$/, '')
export const login = required('LOGIN')
export const password = process.env.PASSWORD || readFileSync(required('PASSWORD_FILE'), 'utf8').trim()
const STEP_TIMEOUT = Number(process.env.STEP_TIMEOUT ?? 15_000)

function required(name) {
  const value = process.env[name]
  if (!value) {
    console.error(`${name} is not set. See the head of run.mjs.`)
    process.exit(2)
  }
  return value
}

/** A page of a person who has signed in; every error of its console counts, and so does every refused request. */
export async function visit(browser, { user = login, secret = password, width = 1280, height = 800, provoked = [400, 404, 409] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: 'light', timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_TIMEOUT)
  const answer = await context.request.post(`${base}/api/auth/login`, { data: { auth: user, password: secret } })
  assert(answer.ok(), `${user} cannot sign in: ${answer.status()}`)
  watchConsole(page, { provoked })
  return page
}

/**
 * One area from beginning to end: a browser, a signed-in page, a furnished project of this name (unless it is null). `body` does the clicking; what it
 * hands to `after` is done at the end, the last one first, whatever went wrong. The program ends with it.
 */
export async function scenario(name, body, options) {
  const browser = await launch()
  const clearing = []
  const after = (task) => clearing.push(task)
  try {
    const page = await visit(browser, options)
    const project = name === null ? null : await furnished(page, name)
    if (project) after(project.remove)
    await body({ browser, page, project, after })
    await test('no error in the console', async () => {
      assert(consoleErrors.length === 0, consoleErrors.slice(0, 5).join(' | '))
    })
  } catch (error) {
    await test('the scenario goes on to its end', () => Promise.reject(error))
  } finally {
    for (const task of clearing.reverse()) await Promise.resolve().then(task).catch((error) => console.error(error.message))
    await browser.close()
  }
  finish()
}

/** Calls the API as the person of the page. */
export async function call(page, method, path, body) {
  const answer = await page.context().request.fetch(`${base}/api/${path}`, { method, data: body })
  const text = await answer.text()
  assert(answer.ok(), `${method} ${path} was answered with ${answer.status()}: ${text.slice(0, 200)}`)
  return text === '' ? null : JSON.parse(text)
}

/** A project with a key, a repository, an inventory, a variable group and a login; `remove` takes it all away. */
export async function furnished(page, name) {
  const project = await call(page, 'POST', 'projects', { name })
  const of = (kind, body) => call(page, 'POST', `project/${project.id}/${kind}`, { ...body, project_id: project.id })
  const key = await of('keys', { name: 'Nothing', type: 'none' })
  await of('keys', { name: 'Vault password', type: 'login_password', login_password: { login: '', password: 'secret' } })
  const repository = await of('repositories', { name: 'Code', git_url: '/srv/code', git_branch: '', ssh_key_id: key.id })
  const inventory = await of('inventory', { name: 'Hosts', type: 'static', inventory: 'localhost', ssh_key_id: key.id })
  const environment = await of('environment', { name: 'Settings', json: '{}' })
  return {
    id: project.id,
    repository,
    inventory,
    environment,
    key,
    of,
    template: (body) =>
      of('templates', { app: 'bash', playbook: 'run.sh', repository_id: repository.id, environment_id: environment.id, arguments: '[]', ...body }),
    remove: () => call(page, 'DELETE', `project/${project.id}`),
  }
}

/** Chooses from a list. */
export async function choose(scope, label, option) {
  const page = 'page' in scope ? scope.page() : scope
  const exact = typeof label === 'string' ? { name: label, exact: true } : { name: label }
  const box = scope.getByRole('combobox', exact)
  const wanted = page.getByRole('option', { ...(typeof option === 'string' ? { name: option, exact: true } : { name: option }) })
  for (let attempt = 1; ; attempt++) {
    await box.focus()
    await box.press('ArrowDown')
    // A key that comes before the field is ready opens nothing.
    try {
      return await wanted.click({ timeout: 5000 })
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** A picture in each theme; the page is left light. */
export async function pictures(page, name) {
  await picture(page, name)
  await theme(page, 'dark')
  await picture(page, `${name}-dark`)
  await theme(page, 'light')
}

// Through the choice that is stored, as a dialog may lie over the button.
export async function theme(page, wanted) {
  await page.emulateMedia({ colorScheme: wanted })
  await page.waitForFunction((name) => document.querySelector(`.v-application.v-theme--${name}`) !== null, wanted)
}

/** Nothing may be wider than a telephone. */
export async function fits(browser, addresses) {
  const page = await visit(browser, { width: 360, height: 740 })
  for (const [name, address, heading] of addresses) {
    await test(`${name} fits on 360 pixels`, async () => {
      await page.goto(`${base}${address}`)
      await page.getByRole('heading', { name: heading }).first().waitFor()
      await page.waitForLoadState('networkidle')
      await picture(page, `${name}-narrow`)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      assert(width <= 360, `${name} is ${width} pixels wide`)
    })
  }
  await page.context().close()
}

/** Asks until the answer is yes: for what the server does a moment after the page was told. */
export async function eventually(question, what) {
  const end = Date.now() + STEP_TIMEOUT
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** What is equal in JSON; says what differs otherwise. */
export function same(found, wanted, what) {
  for (const [name, value] of Object.entries(wanted)) {
    assert(JSON.stringify(found[name]) === JSON.stringify(value), `${what}: ${name} is ${JSON.stringify(found[name])}, not ${JSON.stringify(value)}`)
  }
}
