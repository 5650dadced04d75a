// The browser test with axe: every page, light and dark, has no serious or critical finding.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { assert, test } from './browser.mjs'
import { base, call, scenario, theme, visit } from './visit.mjs'

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let browser = null
let page = null
let project = null
await scenario('Pages for everybody', async (stage) => {
  ;({ browser, page, project } = stage)
  const own = `/project/${project.id}`
  const role = `watch_${project.id}`
  const template = await project.template({ name: 'Restart', description: 'With words', survey_vars: [{ name: 'version', title: 'Version', type: '', required: true, default_value: '1' }] })
  await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: template.id, name: 'Nightly', cron_format: '0 3 * * *', active: true })
  const integration = await call(page, 'POST', `project/${project.id}/integrations`, { project_id: project.id, template_id: template.id, name: 'From outside', auth_method: 'none', searchable: false })
  const alias = await call(page, 'POST', `project/${project.id}/integrations/${integration.id}/aliases`, {})
  await page.context().request.post(`${base}${new URL(alias.url).pathname}`, { data: { ref: 'main' } })
  await project.of('secret_storages', { name: 'Company vault', type: 'vault', params: { url: 'https://vault.example.com' }, secret: 'token' })
  await call(page, 'POST', `project/${project.id}/roles`, { slug: role, name: 'Watch', permissions: 0 })
  await call(page, 'POST', `project/${project.id}/templates/${template.id}/perms`, { role_slug: role, permissions: 1 })
  const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id, environment: '{"version": "1"}' })
  const second = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id, environment: '{"version": "2"}' })
  const workspace = await project.of('inventory', { name: 'production', type: 'tofu-workspace', inventory: 'production' })
  const cloud = await project.template({ name: 'Cloud', app: 'tofu', playbook: '', inventory_id: workspace.id })
  await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: template.id, name: 'On a commit', cron_format: '0 3 * * *', repository_id: project.repository.id, active: true })
  await call(page, 'POST', `project/${project.id}/runners`, { name: 'Cellar', tag: 'big', active: true })
  const of = `${own}/templates/${template.id}`
  const pages = ['/projects', '/account', '/users', '/roles', '/tasks', '/runners', '/apps', '/system', '/nothing-here', `${own}/templates`, `${own}/templates/new?app=ansible`, of, `${of}/edit`, `${of}/details`, `${of}/alerts`, `${of}/perms`, `${of}/retention`, `${of}/schedules`, `${own}/templates/${cloud.id}/workspaces`,
    ...['launcher', 'history', 'stats', `tasks/${task.id}`, `tasks/${second.id}/compare`, `inventory/${workspace.id}/states`, 'schedule', 'inventory', 'environment', 'keys', 'secret_storages', 'repositories', 'integrations', `integrations/${integration.id}`, 'team', 'runners', 'invites', 'roles', 'activity', 'settings'].map((name) => `${own}/${name}`)]
  const open = (address) => [`${address.replace(/\d+/g, 'N')} is for everybody`, async (page) => {
    await page.goto(`${base}${address}`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await both(page)
  }]
  await all([page, await visit(browser)], [...pages.map(open), ...dialogs(own), delivery(`${own}/integrations/${integration.id}`)])
  await signIn()
})

/** Does all of it in several windows side by side: most of the time one waits for the other's server. */
async function all(windows, checks) {
  const left = checks.values()
  await Promise.all(windows.map(async (window) => {
    for (const [name, check] of left) await test(name, () => check(window))
  }))
}

/** What opens over a page: forms, and questions. */
function dialogs(own) {
  const opened = [
    ['/projects', 'New project'], ['/projects', 'Restore a backup'], ['/users', 'New user'], ['/roles', 'New role'],
    [`${own}/keys`, 'New key'], [`${own}/secret_storages`, 'New storage'], [`${own}/schedule`, 'New schedule'], [`${own}/roles`, 'New role'],
    [`${own}/templates`, 'Run Restart'], [`${own}/settings`, 'Delete the project'],
  ]
  const forms = opened.map(([address, button]) => [`${button} of ${address.replace(/\d+/g, 'N')} is for everybody`, async (page) => {
    await page.goto(`${base}${address}`)
    await page.getByRole('button', { name: button, exact: true }).first().click()
    await page.getByRole('dialog').getByRole('heading').first().waitFor()
    await both(page)
  }])
  const keys = [['Control+k', 'the palette'], ['?', 'the list of keys']].map(([key, name]) => [`${name} is for everybody`, async (page) => {
    await page.goto(`${base}${own}/templates`)
    await page.getByRole('button', { name: 'Run Restart' }).waitFor()
    await page.keyboard.press(key)
    await page.getByRole('dialog').getByRole('heading').first().waitFor({ state: 'attached' })
    if (name === 'the palette') await page.getByRole('option', { name: /^Run Restart/ }).waitFor()
    await both(page)
  }])
  return [...forms, ...keys, ['chosen templates and the question about them are for everybody', async (page) => {
    await page.goto(`${base}${own}/templates`)
    await page.getByRole('checkbox', { name: 'Choose Restart' }).check()
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).waitFor()
    await both(page)
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('heading').first().waitFor()
    await both(page)
  }]]
}

/** What somebody sent to an integration. */
function delivery(address) {
  return ['what came to an integration is for everybody', async (page) => {
    await page.goto(`${base}${address}`)
    await page.getByRole('button', { name: /show what was sent$/ }).first().click()
    await page.getByRole('dialog').getByLabel('Body').waitFor()
    await both(page)
  }]
}

async function signIn() {
  await test('/auth/login is for everybody', async () => {
    const stranger = await (await browser.newContext({ colorScheme: 'light' })).newPage()
    await stranger.goto(`${base}/auth/login`)
    await stranger.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    await both(stranger)
    await stranger.context().close()
  })
}

/** The page as it stands, in both themes, once nothing is loading and nothing moves. Only the colours differ in the second one. */
async function both(page) {
  await page.waitForLoadState('networkidle')
  for (const wanted of ['light', 'dark']) {
    await theme(page, wanted)
    const found = await findings(page, wanted === 'dark' ? { type: 'rule', values: ['color-contrast'] } : { type: 'tag', values: TAGS })
    assert(found.length === 0, `${wanted}: ${found.join(' | ')}`)
  }
  await theme(page, 'light')
}

async function findings(page, runOnly) {
  await page.evaluate(() => Promise.all(document.getAnimations().filter((animation) => animation.effect?.getTiming().iterations === 1).map((animation) => animation.finished.catch(() => null))))
  // As a script of the page it would be refused by its content security policy.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
  return page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'], runOnly })
    return violations
      .filter((violation) => ['serious', 'critical'].includes(violation.impact))
      .map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? node.all[0]?.message ?? ''}`).join('; ')}`)
  }, runOnly)
}
