// The browser test of people who are faster than the page: from one thing to the next, Enter twice, a click before the code has come,
// answers that fail at first, and what goes on while somebody looks.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, picture, test } from './browser.mjs'
import { base, call, eventually, same, scenario, visit } from './visit.mjs'

let browser = null
let page = null
let project = null
let later = null
await scenario('In haste', async (stage) => {
  ;({ browser, page, project, after: later } = stage)
  await neighbours()
  await twice()
  await late()
  await lines()
  await heard()
  await unknown()
  await again()
}, { provoked: [400, 404, 409, 503] })

/** Chooses in the command palette. */
async function palette(query, title) {
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Find a page, template or project' }).fill(query)
  await page.getByRole('listbox', { name: 'Found' }).getByRole('option').filter({ has: page.getByText(title, { exact: true }) }).first().click()
}

async function neighbours() {
  const [one, two] = [await project.template({ name: 'Take down' }), await project.template({ name: 'Build up' })]
  const of = (template) => `project/${project.id}/templates/${template.id}`
  await test('from the page of one template to that of another, which is the one that is deleted', async () => {
    await page.goto(`${base}/${of(one)}`)
    await page.getByRole('heading', { name: 'Take down', level: 1 }).waitFor()
    await palette('Build up', 'Build up')
    await page.getByRole('heading', { name: 'Build up', level: 1 }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Take down', level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Delete the template' }).click()
    await page.getByRole('dialog').getByRole('heading', { name: 'Delete Take down?' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.waitForURL(/\/templates$/)
    const left = (await call(page, 'GET', `project/${project.id}/templates`)).map((template) => template.name)
    assert(left.includes('Build up') && !left.includes('Take down'), `left: ${left}`)
  })
  await test('from the form of one template to that of another, after a question if something was typed', async () => {
    const three = await project.template({ name: 'Look after', description: 'of the third' })
    await page.goto(`${base}/${of(two)}/edit`)
    const name = page.locator('#template-form').getByLabel('Name', { exact: true })
    await name.fill('Build up higher')
    let questions = 0
    const answer = (accept) =>
      page.once('dialog', (dialog) => {
        questions += 1
        return accept ? dialog.accept() : dialog.dismiss()
      })
    answer(false)
    await palette('Change Look after', 'Change Look after')
    await eventually(async () => questions === 1, 'the page asks')
    assert(page.url().endsWith(`/templates/${two.id}/edit`) && (await name.inputValue()) === 'Build up higher', 'what was typed is gone')
    answer(true)
    await palette('Change Look after', 'Change Look after')
    await eventually(async () => (await name.inputValue().catch(() => '')) === 'Look after', 'the other form comes')
    await page.locator('#template-form').getByLabel('Description').fill('changed')
    await page.locator('#template-form').getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Look after', level: 1 }).waitFor()
    same(await call(page, 'GET', of(three)), { name: 'Look after', description: 'changed' }, 'the third')
    same(await call(page, 'GET', of(two)), { name: 'Build up' }, 'the second')
  })
}

async function twice() {
  await test('Enter pressed twice runs a template once', async () => {
    const template = await project.template({ name: 'Once only' })
    await page.route('**/tasks', async (route) => {
      if (route.request().method() === 'POST') await new Promise((resolve) => setTimeout(resolve, 800))
      await route.fallback()
    })
    await page.goto(`${base}/project/${project.id}/templates/${template.id}`)
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    const message = page.getByRole('dialog').getByLabel('Message')
    await message.fill('twice')
    await message.press('Enter')
    await message.press('Enter')
    await page.waitForURL(/\/tasks\/\d+$/)
    await page.waitForTimeout(1000)
    await page.unroute('**/tasks')
    const tasks = await call(page, 'GET', `project/${project.id}/templates/${template.id}/tasks`)
    assert(tasks.length === 1, `${tasks.length} tasks`)
  })
  await test('Enter pressed twice makes a project once', async () => {
    await page.route('**/projects', async (route) => {
      if (route.request().method() === 'POST') await new Promise((resolve) => setTimeout(resolve, 800))
      await route.fallback()
    })
    await page.goto(`${base}/projects`)
    await page.getByRole('button', { name: 'New project' }).first().click()
    const name = page.getByRole('dialog').getByLabel('Name')
    await name.fill('Made once')
    await name.press('Enter')
    await name.press('Enter')
    await page.waitForURL(/\/project\/\d+\/templates$/)
    await page.waitForTimeout(1000)
    await page.unroute('**/projects')
    const made = (await call(page, 'GET', 'projects')).filter((each) => each.name === 'Made once')
    for (const each of made) await call(page, 'DELETE', `project/${each.id}`)
    assert(made.length === 1, `${made.length} projects`)
  })
}

async function late() {
  await test('what is to be deleted can be deleted, also if the code of the question comes late', async () => {
    const template = await project.template({ name: 'Deleted late' })
    const own = await visit(browser)
    await own.route('**/DeleteDialog-*.js', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1500))
      await route.continue()
    })
    await own.goto(`${base}/project/${project.id}/templates/${template.id}`)
    await own.getByRole('button', { name: 'Delete the template' }).click()
    await own.getByRole('dialog').getByText(/^Its tasks and their logs are deleted/).waitFor()
    await own.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await own.waitForURL(/\/templates$/)
    await own.context().close()
  })
}

async function lines() {
  const scripts = mkdtempSync(join(tmpdir(), 'semaphore-haste-'))
  later(() => rmSync(scripts, { recursive: true, force: true }))
  writeFileSync(join(scripts, 'chatty.sh'), '#!/usr/bin/env bash\nfor i in $(seq 150); do echo "line $i"; sleep 0.1; done\n')
  chmodSync(join(scripts, 'chatty.sh'), 0o755)
  const repository = await project.of('repositories', { name: 'Scripts', git_url: scripts, git_branch: '', ssh_key_id: project.key.id })
  const template = await project.template({ name: 'Chatty', playbook: 'chatty.sh', repository_id: repository.id })
  await test('a text is found in a log that goes on and on', async () => {
    const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}`)
    await page.getByText('line 2', { exact: true }).waitFor()
    await page.getByLabel('Search in the log').fill('line 1')
    await page.getByText(/^\d+ of \d+$/).waitFor({ timeout: 3000 })
    const { status } = await call(page, 'GET', `project/${project.id}/tasks/${task.id}`)
    assert(status === 'running', `the task is ${status}, so nothing was shown`)
    await call(page, 'POST', `project/${project.id}/tasks/${task.id}/stop`, { force: true })
  })
  await test('a task that waits says why, without a pause', async () => {
    const first = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
    const second = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
    await page.goto(`${base}/project/${project.id}/tasks/${second.id}`)
    const question = page.locator('.question').first()
    await question.waitFor()
    await question.evaluate((node) => {
      window.removedQuestions = 0
      new MutationObserver((changes) => {
        for (const change of changes) for (const removed of change.removedNodes) if (removed === node) window.removedQuestions += 1
      }).observe(node.parentNode, { childList: true })
    })
    await page.waitForTimeout(7000)
    assert((await page.evaluate(() => window.removedQuestions)) === 0, 'the reason went away and came back')
    for (const task of [second, first]) await call(page, 'POST', `project/${project.id}/tasks/${task.id}/stop`, { force: true })
  })
}

async function heard() {
  await test('a runner that begins to ask for work is seen doing so', async () => {
    const runner = await call(page, 'POST', 'runners', { name: 'Just begun', active: true })
    later(() => call(page, 'DELETE', `runners/${runner.id}`))
    await page.goto(`${base}/runners`)
    const row = page.getByRole('row', { name: /Just begun/ })
    await row.getByText('Never', { exact: true }).waitFor()
    const answer = await fetch(`${base}/api/internal/runners`, { headers: { 'X-Runner-Token': runner.token } })
    assert(answer.ok, `the runner was answered with ${answer.status}`)
    await row.getByText('Never', { exact: true }).waitFor({ state: 'detached' })
  })
}

async function unknown() {
  await test('who it is that could not be asked is asked again', async () => {
    const own = await visit(browser, { provoked: [503] })
    let refused = 0
    await own.route('**/api/user', (route) => {
      refused += 1
      return refused === 1 ? route.fulfill({ status: 503, body: '{"error":"the database is away"}' }) : route.continue()
    })
    await own.goto(`${base}/project/${project.id}/templates`)
    await own.getByRole('button', { name: 'Search and commands' }).waitFor()
    await own.context().close()
  })
}

async function again() {
  await test('an invitation that cannot be sent again is there to be sent once more', async () => {
    const user = await call(page, 'POST', 'users', { username: 'haste-ida', name: 'Ida', email: 'haste-ida@example.com', password: 'a-long-password-of-a-test' })
    later(() => call(page, 'DELETE', `users/${user.id}`))
    await call(page, 'POST', `project/${project.id}/invites`, { user_id: user.id, role: 'manager', expires_at: new Date(Date.now() + 3 * 24 * 3600 * 1000).toISOString() })
    await page.goto(`${base}/project/${project.id}/invites`)
    await page.route('**/invites', (route) => (route.request().method() === 'POST' ? route.fulfill({ status: 503, body: '{"error":"the message could not be sent"}' }) : route.fallback()))
    await page.getByRole('button', { name: 'Invite Ida again' }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('alert').getByText(/^The old invitation is gone.*could not be sent/).waitFor()
    assert((await form.getByLabel('User name').inputValue()) === 'haste-ida' && (await form.getByLabel('Valid for days').inputValue()) === '3', 'the form is not filled')
    await picture(page, 'invite-again')
    await page.unroute('**/invites')
    await form.getByRole('button', { name: 'Invite', exact: true }).click()
    await form.waitFor({ state: 'detached' })
    same((await call(page, 'GET', `project/${project.id}/invites`))[0], { role: 'manager', status: 'pending' }, 'the invitation')
  })
}
