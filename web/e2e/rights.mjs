// The browser test of rights: whatever a person is shown, the server lets them use. On every page every control is used that is there, dialogs and menus
// as well, by people of each role. What the page then asks for is not carried out: it is held against what the description of the API says who may do it,
// and asked of the server in a way that changes nothing. What the page reads is really read: nothing of it may be refused.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM. ROLES (names with commas between them) walks as some of them only.
import { readFileSync } from 'node:fs'
import { assert, test } from './browser.mjs'
import { routeOf, routesOf } from './route-list.mjs'
import { base, call, eventually, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const RUN = 1
const UPDATE = 2
const RESOURCES = 4
const MEMBERS = 8
/** What each class of the description asks for; everybody who is a member, or signed in, may use the rest. */
const NEEDED = { 'project:run_tasks': RUN, 'project:update_project': UPDATE, 'project:manage_resources': RESOURCES, 'project:manage_users': MEMBERS }
const EVERYBODY = ['public', 'session', 'project:member', 'secret']
/** Nobody has this number. */
const NOBODY = 2_000_000_000
/** So long a page is looked at twice before it counts as quiet. */
const PATIENCE_MS = 40

/** How many answers of the API each page waits for. */
const flying = new WeakMap()

// Nothing that is asked for here is carried out: it does not count as tested.
delete process.env.CALLED_ROUTES
const document = JSON.parse(readFileSync(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8'))
const routes = routesOf(document)

await scenario('Pages of rights', async ({ browser, page, project, after }) => {
  const things = await furnish(page, project)
  const slug = (name) => `${name}_${project.id}`
  const own = [['keeper', RESOURCES], ['porter', MEMBERS], ['clerk', UPDATE], ['launcher', 0]]
  for (const [name, permissions] of own) await call(page, 'POST', `project/${project.id}/roles`, { slug: slug(name), name: name, permissions })
  // A role without any right of the project, which may run and change one template.
  await call(page, 'POST', `project/${project.id}/templates/${things.template}/perms`, { role_slug: slug('launcher'), permissions: RUN | RESOURCES })
  const addresses = addressesOf(project.id, things)
  const roles = [['guest', 'guest', 0], ['task_runner', 'task_runner', RUN], ['manager', 'manager', RUN | RESOURCES], ['owner', 'owner', 15], ...own.map(([name, permissions]) => [name, slug(name), permissions])]
  const left = roles.filter(([name]) => !process.env.ROLES || process.env.ROLES.split(',').includes(name)).reverse().values()
  const next = async () => {
    for (const [name, role, permissions] of left) {
      const user = await call(page, 'POST', 'users', { username: `${name}-${project.id}`, name: `A ${name}`, email: `${name}-${project.id}@example.com`, password: SECRET })
      after(() => call(page, 'DELETE', `users/${user.id}`))
      await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role })
      await test(`whatever a ${name} is shown, a ${name} may use`, () => walk(browser, { project, things, user: user.username, permissions, addresses, name }))
    }
  }
  // Two at a time: most of the time one waits for a page.
  await Promise.all([next(), next()])
})

/** One thing of each kind, so that every page has something to be used. */
async function furnish(page, project) {
  const path = `project/${project.id}`
  const survey = [{ name: 'version', title: 'Version', type: '', required: false, default_value: '1' }]
  const template = await project.template({ name: 'Restart', survey_vars: survey })
  await project.template({ name: 'Reinstall' })
  await call(page, 'POST', `${path}/schedules`, { project_id: project.id, template_id: template.id, name: 'Nightly', cron_format: '0 3 * * *', active: true })
  const integration = await call(page, 'POST', `${path}/integrations`, { project_id: project.id, template_id: template.id, name: 'From outside', auth_method: 'none', searchable: false })
  await call(page, 'POST', `${path}/integrations/${integration.id}/matchers`, { integration_id: integration.id, name: 'Main', match_type: 'body', method: 'equals', body_data_type: 'json', key: 'ref', value: 'main' })
  await call(page, 'POST', `${path}/integrations/${integration.id}/values`, { integration_id: integration.id, name: 'Version', value_source: 'body', body_data_type: 'json', key: 'version', variable: 'version', variable_type: 'environment' })
  const alias = await call(page, 'POST', `${path}/integrations/${integration.id}/aliases`, {})
  await page.context().request.post(`${base}${new URL(alias.url).pathname}`, { data: { ref: 'main' } })
  await project.of('secret_storages', { name: 'Company vault', type: 'vault', params: { url: 'https://vault.example.com' }, secret: 'token' })
  const view = await call(page, 'POST', `${path}/views`, { project_id: project.id, title: 'Servers', position: 0 })
  const workspace = await project.of('inventory', { name: 'production', type: 'tofu-workspace', inventory: 'production' })
  const tasks = []
  for (const version of ['1', '2']) tasks.push(await call(page, 'POST', `${path}/tasks`, { template_id: template.id, environment: JSON.stringify({ version }) }))
  for (const task of tasks) await eventually(async () => (await call(page, 'GET', `${path}/tasks/${task.id}`)).end, 'the task ends')
  return { template: template.id, integration: integration.id, view: view.id, inventory: workspace.id, task: tasks[1].id, other: tasks[0].id }
}

/** Every page of the router that belongs to a project or to everybody, with real numbers in it. */
function addressesOf(project, things) {
  const source = readFileSync(new URL('../src/router.ts', import.meta.url), 'utf8')
  const children = source.slice(source.indexOf('children: ['))
  const within = children.slice(0, children.indexOf("{ path: '/:path"))
  const paths = [...within.matchAll(/\{\s*path: '([^']*)',\s*name: '([^']+)'/g)].map(([, path]) => path)
  const wanted = within.match(/\bpath: /g).length - within.match(/\bredirect: /g).length
  assert(paths.length === wanted, `${paths.length} of ${wanted} pages are found in the router`)
  const addresses = paths.flatMap((path) => {
    const tabs = /:tab\(([a-z|]+)\)\?/.exec(path)?.[1].split('|') ?? ['']
    return tabs.map((tab) => `/project/${project}/${path}`.replace(/:tab\([a-z|]+\)\?/, tab).replace(/:(\w+)\([^)]*\)\??/g, (_all, name) => {
      assert(things[name] !== undefined, `no ${name} for ${path}`)
      return things[name]
    }).replace(/\/$/, ''))
  })
  return [...new Set(['/projects', '/account', ...addresses])]
}

async function walk(browser, { project, things, user, permissions, addresses, name }) {
  const problems = new Set()
  const asked = new Map()
  let controls = 0
  const page = await visit(browser, { user, secret: SECRET })
  page.setDefaultTimeout(5000)
  let where = ''
  flying.set(page, 0)
  const count = (by) => (request) => request.url().includes('/api/') && !request.url().includes('/api/ws') && flying.set(page, flying.get(page) + by)
  page.on('request', count(1))
  page.on('requestfinished', count(-1))
  page.on('requestfailed', count(-1))
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (pathname.includes('/api/') && [401, 403, 404].includes(response.status())) problems.add(`${where}: ${response.request().method()} ${pathname} was answered with ${response.status()}`)
  })
  await page.route('**/api/**', async (route) => {
    const request = route.request()
    if (['GET', 'HEAD'].includes(request.method())) return route.fallback()
    const { pathname } = new URL(request.url())
    const path = pathname.slice(pathname.indexOf('/api/'))
    const row = routeOf(routes, `${request.method()} ${path}`)
    asked.set(row, where)
    await route.fulfill({ status: 409, contentType: 'application/json', body: '{"error":"this was only a test"}' })
    const refusal = await refused(page, row, path, request, permissions, things)
    if (refusal) problems.add(`${where}: ${row} ${refusal}`)
  })
  for (const address of addresses) {
    where = address
    controls += await exercise(page, address, project)
  }
  await page.waitForLoadState('networkidle')
  await page.context().close()
  console.log(`      (${name}: ${controls} controls on ${addresses.length} pages; ${asked.size} routes that write)`)
  assert(problems.size === 0, `\n        ${[...problems].join('\n        ')}`)
  // A walk that finds nothing to use would find nothing wrong.
  if (name === 'owner') assert(asked.size >= 28, `an owner is led to ${asked.size} routes only: ${[...asked.keys()].sort().join(', ')}`)
}

/** Why the person must not make this call; null if they may. */
async function refused(page, row, path, request, permissions, things) {
  if (row === undefined) return 'is no route'
  const [method, route] = row.split(' ')
  const access = document.paths[route][method.toLowerCase()]['x-access']
  const ofTemplate = new RegExp(`/(templates/${things.template}|tasks)(/|$)`).test(path) || request.postDataJSON?.()?.template_id === things.template
  const needed = NEEDED[access]
  if (needed === undefined && !EVERYBODY.includes(access)) return `is for ${access}`
  // The role of the template may do more with it than in the project.
  if (needed !== undefined && (permissions & needed) === 0 && !(permissions === 0 && ofTemplate)) return `needs ${access}`
  if (needed === undefined || access === 'project:run_tasks') return null
  // The server looks at rights before it looks at anything else: a body that nobody can read, or a thing that is not there, is refused for another reason.
  const numbers = [...path.matchAll(/\/(\d+)(?=\/|$)/g)]
  if (request.postData() === null && numbers.length < 2) return null
  const last = numbers.at(-1)
  const probe = request.postData() === null ? `${path.slice(0, last.index)}/${NOBODY}${path.slice(last.index + last[0].length)}` : path
  const answer = await page.context().request.fetch(`${base}${probe}`, { method, data: request.postData() === null ? undefined : '{', headers: { 'Content-Type': 'application/json' } })
  return [401, 403].includes(answer.status()) ? `is refused with ${answer.status()}` : null
}

/** Uses every control of a page once; gives how many there were. */
async function exercise(page, address, project) {
  const open = async () => {
    await page.goto(`${base}${address}`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await settled(page)
  }
  await open()
  const start = page.url()
  await change(page, page.locator('main'))
  const used = []
  for (;;) {
    if (page.url() !== start) await open()
    const control = await next(page, used)
    if (control === null) return used.length
    used.push(control.name)
    await use(page, control, project)
    // Of a menu each entry is chosen once; it closes over each.
    for (let entry = 1; entry < control.entries; entry += 1) {
      if (page.url() !== start) await open()
      const again = await next(page, used.filter((name) => name !== control.name))
      if (again === null) break
      await use(page, { ...again, entry }, project)
    }
  }
}

/** Marks the first control that was not used, as `data-walk`, and tells its name. */
async function next(page, used) {
  const found = await page.evaluate((used) => {
    document.querySelector('[data-walk]')?.removeAttribute('data-walk')
    const nameOf = (element) => element.getAttribute('aria-label') ?? ((element.labels?.[0]?.innerText ?? element.innerText) || element.title || element.id)
    const controls = document.querySelectorAll('main button, main [role=button], main input[type=checkbox], main input[type=radio], main [role=combobox]')
    for (const element of controls) {
      const box = element.getBoundingClientRect()
      if (box.width === 0 || element.closest('[inert], [aria-hidden=true]') || element.disabled || element.readOnly || element.getAttribute('aria-disabled') === 'true') continue
      const name = `${element.tagName} ${element.getAttribute('role') ?? element.type} ${nameOf(element).trim()}`
      if (used.includes(name)) continue
      element.setAttribute('data-walk', '')
      return name
    }
    return null
  }, used)
  return found === null ? null : { name: found, entries: 0, entry: 0 }
}

async function use(page, control, project) {
  const element = page.locator('[data-walk]')
  const isBox = control.name.includes(' combobox ')
  if (isBox) await element.press('ArrowDown').catch(() => undefined)
  else await element.click({ force: true, timeout: 2000 }).catch(() => undefined)
  await settled(page)
  const entries = page.locator('.v-overlay--active .v-list-item:not(.v-list-item--disabled):visible')
  control.entries = isBox ? 0 : await entries.count()
  if ((await entries.count()) > control.entry) {
    await entries.nth(isBox ? (await entries.count()) - 1 : control.entry).click({ timeout: 2000 }).catch(() => undefined)
    await settled(page)
  }
  await dialog(page, project)
}

/** Fills a dialog that is open, presses what it offers, and closes it. */
async function dialog(page, project) {
  const window = page.locator('[role=dialog]:visible').last()
  if ((await window.count()) === 0) return close(page)
  await change(page, window, project.name ?? 'Pages of rights')
  for (const box of await window.getByRole('combobox').all()) {
    if (!(await box.isEnabled().catch(() => false)) || (await box.inputValue().catch(() => 'x')) !== '' || (await box.locator('xpath=ancestor::*[contains(@class,"v-input")][1]').innerText().catch(() => '')).trim().includes('\n')) continue
    await box.press('ArrowDown').catch(() => undefined)
    await page.locator('.v-overlay--active [role=option]:visible').first().click({ timeout: 1000 }).catch(() => undefined)
  }
  const names = await window.locator('button:visible:enabled').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label') ?? each.innerText.trim()))
  for (const name of new Set(names.filter((name) => name !== '' && !/^(Cancel|Close)/.test(name)))) {
    const button = window.getByRole('button', { name, exact: true }).first()
    if (!(await button.isVisible().catch(() => false))) break
    await button.click({ force: true, timeout: 1000 }).catch(() => undefined)
    await settled(page)
  }
  await close(page)
}

async function close(page) {
  for (let tries = 0; tries < 4 && (await page.locator('.v-overlay--active:not(.v-tooltip):not(.v-snackbar)').count()) > 0; tries += 1) {
    const cancel = page.locator('[role=dialog]:visible').last().getByRole('button', { name: /^(Cancel|Close)/ }).last()
    if (await cancel.isVisible().catch(() => false)) await cancel.click({ timeout: 1000 }).catch(() => undefined)
    else await page.keyboard.press('Escape')
    await page.waitForTimeout(150)
  }
  if ((await page.locator('.v-overlay--active:not(.v-tooltip):not(.v-snackbar)').count()) > 0) await page.reload()
}

/** Gives every field that can be written in another text, so that there is something to save. */
async function change(page, scope, name = null) {
  const fields = scope.locator('input:visible:enabled:not([readonly]):not([type=checkbox]):not([type=radio]):not([type=file]):not([type=search]):not([role=combobox]), textarea:visible:enabled:not([readonly])')
  for (const field of await fields.all()) {
    const now = await field.inputValue().catch(() => null)
    if (now === null || (await field.getAttribute('role')) === 'combobox' || (await field.locator('xpath=ancestor::*[@role="combobox"]').count()) > 0) continue
    const text = now === '' ? (name ?? '1') : /^\d+$/.test(now) ? String(Number(now) + 1) : name === null ? `${now}1` : now
    await field.fill(text, { timeout: 1000 }).catch(() => undefined)
  }
}

/** Nothing is being asked for, for a moment. */
async function settled(page) {
  let quiet = 0
  for (const end = Date.now() + 5000; quiet < 2 && Date.now() < end; quiet = flying.get(page) > 0 ? 0 : quiet + 1) await page.waitForTimeout(PATIENCE_MS)
}
