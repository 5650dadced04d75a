// The browser test of the launcher: what somebody who may only run sees and does, and what others and guests see of it.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, picture, test } from './browser.mjs'
import { base, call, eventually, pictures, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const sources = mkdtempSync(join(tmpdir(), 'semaphore-launcher-'))
const gate = join(sources, 'gate')
for (const [name, text] of [['good.sh', 'echo "good $1"'], ['long.sh', `while [ ! -e ${gate} ]; do sleep 0.1; done`]]) {
  writeFileSync(join(sources, name), `#!/usr/bin/env bash\n${text}\n`)
  chmodSync(join(sources, name), 0o755)
}
chmodSync(sources, 0o755)
let browser = null
let page = null
let project = null
let user = null
const refused = []
await scenario('Pages of the launcher', async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => rmSync(sources, { recursive: true, force: true }))
  stage.after(() => user && call(page, 'DELETE', `users/${user.id}`))
  stage.after(() => writeFileSync(gate, ''))
  user = await call(page, 'POST', 'users', { username: 'launcher-rosa', name: 'Rosa', email: 'launcher-rosa@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'task_runner' })
  const repository = await project.of('repositories', { name: 'Scripts', git_url: sources, git_branch: '', ssh_key_id: project.key.id })
  const view = await project.of('views', { title: 'Shop', position: 1 })
  const template = (name, playbook, more) => project.template({ name, playbook, repository_id: repository.id, ...more })
  await template('Ends well', 'good.sh', { description: 'Says good, and nothing else' })
  await template('Takes long', 'long.sh', { view_id: view.id })
  await template('Asks first', 'good.sh', { view_id: view.id, survey_vars: [{ name: 'version', title: 'Version', type: '', required: true }] })
  await runner()
  await others()
})

async function as(role, options) {
  await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
  const own = await visit(browser, { user: 'launcher-rosa', secret: SECRET, ...options })
  own.on('response', (response) => {
    if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
  })
  return own
}

async function runner() {
  const own = await as('task_runner')
  const status = (name) => own.getByRole('row', { name: new RegExp(name) }).first().locator('[data-status]').getAttribute('data-status')
  await test('who may only run begins with the launcher', async () => {
    await own.goto(`${base}/projects`)
    await own.getByRole('link', { name: /Pages of the launcher/ }).click()
    await own.getByRole('heading', { name: 'Launcher', level: 1 }).waitFor()
    assert(own.url().endsWith('/launcher'), own.url())
    await own.getByText('What you run appears here with its status.').waitFor()
    await own.getByText('Says good, and nothing else').waitFor()
    await own.goto(`${base}/project/${project.id}`)
    await own.getByRole('heading', { name: 'Launcher', level: 1 }).waitFor()
    await pictures(own, 'launcher-empty')
  })
  await test('a button asks, runs, and its task comes alive below', async () => {
    await own.getByRole('button', { name: 'Run Takes long' }).click()
    await own.getByRole('dialog').getByLabel('Message').fill('from the launcher')
    await own.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await own.getByRole('table', { name: 'Your runs' }).getByText('from the launcher').waitFor()
    assert(own.url().endsWith('/launcher'), 'the launcher was left')
    await eventually(async () => (await status('Takes long')) === 'running', 'the status of the run goes on by itself')
    await pictures(own, 'launcher')
    writeFileSync(gate, '')
    await eventually(async () => (await status('Takes long')) === 'success', 'the end of the run is shown by itself')
  })
  await test('a question that must be answered is asked', async () => {
    await own.getByRole('button', { name: 'Run Asks first' }).click()
    await own.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await own.getByRole('dialog').getByText('Version is required.').waitFor()
    await own.getByRole('dialog').getByLabel('Version').fill('1.2')
    await own.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await eventually(async () => (await own.getByRole('row', { name: /Asks first/ }).count()) === 1 && (await status('Asks first')) === 'success', 'it runs')
  })
  await test('the tabs have what a view has, and stay over a reload', async () => {
    await own.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Shop' }).click()
    await own.getByRole('button', { name: 'Run Ends well' }).waitFor({ state: 'detached' })
    await own.reload()
    await own.getByRole('button', { name: 'Run Takes long' }).waitFor()
    assert((await own.getByRole('button', { name: 'Run Ends well' }).count()) === 0, 'what is not in the view is shown')
  })
  await test('the runs of others are not among the own ones', async () => {
    const [any] = await call(page, 'GET', `project/${project.id}/templates`)
    await call(page, 'POST', `project/${project.id}/tasks`, { template_id: any.id, message: 'of somebody else', environment: '{"version": "1"}' })
    await own.reload()
    await own.getByRole('table', { name: 'Your runs' }).getByText('from the launcher').waitFor()
    assert((await own.getByText('of somebody else').count()) === 0, 'a run of somebody else')
    await own.context().close()
  })
  await test('the launcher fits on 360 pixels', async () => {
    const narrow = await as('task_runner', { width: 360, height: 740 })
    await narrow.goto(`${base}/project/${project.id}/launcher`)
    await narrow.getByRole('table', { name: 'Your runs' }).waitFor()
    await picture(narrow, 'launcher-narrow')
    const width = await narrow.evaluate(() => document.documentElement.scrollWidth)
    assert(width <= 360, `it is ${width} pixels wide`)
    await narrow.context().close()
  })
}

async function others() {
  await test('others begin with the templates and have a link', async () => {
    const own = await as('manager')
    await own.goto(`${base}/project/${project.id}`)
    await own.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    await own.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Launcher' }).click()
    await own.getByRole('button', { name: 'Run Ends well' }).waitFor()
    await own.context().close()
  })
  await test('a guest has nothing to run', async () => {
    const own = await as('guest')
    await own.goto(`${base}/project/${project.id}`)
    await own.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    assert((await own.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Launcher' }).count()) === 0, 'the launcher is offered')
    await own.goto(`${base}/project/${project.id}/launcher`)
    await own.getByRole('heading', { name: 'Nothing to run' }).waitFor()
    assert((await own.getByRole('button', { name: /^Run / }).count()) === 0, 'something can be run')
    await picture(own, 'launcher-guest')
    await own.context().close()
  })
  await test('nobody was refused', async () => {
    assert(refused.length === 0, refused.join(', '))
  })
}
