// The browser test of saving while the server is gone: the form says so and keeps what was typed, what moved before the answer goes back,
// and as soon as the server is there again the same form is saved.
//
//   SERVER_BIN=target/release/semaphore node e2e/unsaved.mjs
//
// It starts the server by itself, on a free port and with data of its own, and kills it. Optional: CHROMIUM, SCREENSHOTS as in run.mjs.
import { ownServer } from './own-server.mjs'

const server = await ownServer('unsaved')
const { assert, consoleErrors, finish, launch, picture, test } = await import('./browser.mjs')
const { base, call, choose, eventually, furnished, pictures, same, visit } = await import('./visit.mjs')
const { compareForm, fillForm, seen, to } = await import('./form.mjs')

const GONE = 'The server does not answer. Check your connection and that the server is running.'
const browser = await launch()
let project = null
let page = null
try {
  page = await visit(browser)
  project = await furnished(page, 'Saved later')
  await dialog()
  await pageForm()
  await section()
  await order()
  await toggle()
  await choice()
  await lost()
  await test('no error in the console but broken connections', async () => {
    const others = consoleErrors.filter((text) => !/WebSocket connection to|net::ERR_|Unable to preload CSS|Failed to fetch dynamically imported module/.test(text))
    assert(others.length === 0, others.slice(0, 5).join(' | '))
  })
} catch (error) {
  await test('the scenario goes on to its end', () => Promise.reject(error))
} finally {
  await browser.close()
  await server.remove()
}
finish()

/** Does something while the server is gone; afterwards it is there again. */
async function without(action) {
  await server.stop('SIGKILL')
  try {
    await action()
  } finally {
    await server.start()
  }
}

async function dialog() {
  await test('a dialog says that nothing is saved, keeps what was typed, and saves it later', async () => {
    await page.goto(`${base}/project/${project.id}/keys`)
    await page.getByRole('button', { name: 'New key' }).click()
    const form = page.getByRole('dialog')
    const plan = { Name: seen('Deploy'), Type: seen('Login with password'), 'The secret is in': { ...seen('The database, encrypted'), left: 'it is as it should be' }, 'User name': seen('bot'), 'Password or token': seen('a secret') }
    await fillForm(form, plan)
    const save = form.getByRole('button', { name: 'Save' })
    await without(async () => {
      await save.click()
      await form.getByRole('alert').getByText(GONE).waitFor()
      await compareForm(form, plan)
      await picture(page, 'unsaved-dialog')
    })
    await save.click()
    await form.waitFor({ state: 'detached' })
    const stored = (await call(page, 'GET', `project/${project.id}/keys`)).filter((key) => key.name === 'Deploy')
    assert(stored.length === 1, `${stored.length} keys`)
  })
}

async function pageForm() {
  await test('a form that is a page does so too, with the order of its rows', async () => {
    const template = await project.template({ name: 'Rebuild', survey_vars: [{ name: 'one', title: 'One' }, { name: 'two', title: 'Two' }] })
    await page.goto(`${base}/project/${project.id}/templates/${template.id}/edit`)
    const form = page.locator('#template-form')
    await form.getByLabel('Name', { exact: true }).fill('Rebuild all')
    await form.getByLabel('Description').fill('Said before')
    await form.getByRole('button', { name: 'Move One down' }).click()
    const typed = async () => Promise.all(['Name', 'Description', 'Question'].map((label) => form.getByLabel(label, { exact: true }).first().inputValue()))
    await without(async () => {
      await form.getByRole('button', { name: 'Save' }).click()
      await form.getByRole('alert').getByText(GONE).waitFor()
      assert((await typed()).join() === 'Rebuild all,Said before,Two', `the form has ${await typed()}`)
      await picture(page, 'unsaved-page')
    })
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Rebuild all' }).waitFor()
    const stored = await call(page, 'GET', `project/${project.id}/templates/${template.id}`)
    same(stored, { name: 'Rebuild all', description: 'Said before' }, 'the template')
    assert(stored.survey_vars.map((each) => each.name).join() === 'two,one', 'the questions have another order')
  })
}

async function section() {
  await test('a part of the settings does so too', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    const form = page.locator('form').filter({ has: page.getByRole('heading', { name: 'Project', exact: true }) })
    const alerts = 'Send alerts about tasks of this project'
    const plan = { 'Name of the project': to('name', 'Renamed'), 'Tasks at the same time': to('max_parallel_tasks', '3', 3), [alerts]: to('alert', true), 'Telegram chat for the alerts': to('alert_chat', '-1') }
    await form.waitFor()
    await fillForm(form, plan)
    const save = form.getByRole('button', { name: 'Save the project' })
    await without(async () => {
      await save.click()
      await form.getByRole('alert').getByText(GONE).waitFor()
      await compareForm(form, plan)
      assert((await page.locator('.bar').getByText('Renamed').count()) === 0, 'the head of the page has the new name')
    })
    await save.click()
    await page.getByText('The project is saved.').waitFor()
    same(await call(page, 'GET', `project/${project.id}`), { name: 'Renamed', max_parallel_tasks: 3, alert: true, alert_chat: '-1' }, 'the project')
  })
}

async function order() {
  await test('an order stays as it was made, and the page behind as it is stored', async () => {
    for (const [position, title] of ['Front', 'Middle', 'Back'].entries()) await call(page, 'POST', `project/${project.id}/views`, { project_id: project.id, title, position })
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('button', { name: 'Edit views' }).click()
    const form = page.getByRole('dialog')
    await form.getByRole('button', { name: 'Move Back up' }).click()
    await form.getByRole('button', { name: 'Move Back up' }).click()
    const fields = form.getByLabel('Name', { exact: true })
    const names = async () => (await Promise.all((await fields.all()).map((field) => field.inputValue()))).join()
    const tabs = async () => (await page.locator('.tabs .tab').allInnerTexts()).join()
    const before = await tabs()
    await without(async () => {
      await form.getByRole('button', { name: 'Save' }).click()
      await form.getByRole('alert').getByText(GONE).waitFor()
      assert((await names()) === 'Back,Front,Middle', `the form has ${await names()}`)
      assert((await tabs()) === before, `the tabs are ${await tabs()}`)
    })
    await form.getByRole('button', { name: 'Save' }).click()
    await form.waitFor({ state: 'detached' })
    const stored = (await call(page, 'GET', `project/${project.id}/views`)).filter((view) => view.type !== 'all').sort((one, other) => one.position - other.position)
    assert(stored.map((view) => view.title).join() === 'Back,Front,Middle', stored.map((view) => view.title).join())
  })
}

/** Everything that changes before the server has answered goes back when there is no answer. */
async function toggle() {
  await test('switches go back', async () => {
    const [template] = await call(page, 'GET', `project/${project.id}/templates`)
    const schedule = await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: template.id, name: 'Nightly', cron_format: '0 3 * * *', active: false })
    const runner = await call(page, 'POST', 'runners', { name: 'Cellar', active: true })
    await call(page, 'PUT', 'apps/ruby', { active: true, path: '/usr/bin/ruby', title: 'Ruby' })
    const cases = [
      [`project/${project.id}/schedule`, 'Nightly', false, async () => (await call(page, 'GET', `project/${project.id}/schedules/${schedule.id}`)).active],
      ['runners', 'Cellar', true, async () => (await call(page, 'GET', `runners/${runner.id}`)).active],
      ['apps', 'Ruby', true, async () => (await call(page, 'GET', 'apps/ruby')).active],
    ]
    for (const [path, name, was, stored] of cases) {
      await page.goto(`${base}/${path}`)
      const active = page.getByRole('checkbox', { name: `${name} is active` })
      await active.waitFor()
      await without(async () => {
        await active.click()
        await page.getByText(`“${name}” is as it was. ${GONE}`).waitFor()
        assert((await active.isChecked()) === was, `the switch of ${name} did not go back`)
      })
      assert((await stored()) === was, `${name} was changed`)
      await active.click()
      await eventually(async () => (await stored()) === !was, `${name} is changed`)
    }
  })
}

/** The page says that the server is away, and goes on by itself. */
async function lost() {
  const banner = page.getByText(/^The server is not reached\./)
  await test('a page that could not be read is read as soon as the server is there again', async () => {
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    await without(async () => {
      await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Keys' }).click()
      await page.getByText('could not be loaded').waitFor()
      await banner.waitFor()
      await pictures(page, 'offline')
    })
    await page.getByRole('row', { name: /Deploy/ }).waitFor()
    await banner.waitFor({ state: 'detached' })
  })
  await test('so is a list that is told what changes', async () => {
    await without(async () => {
      await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Templates' }).click()
      await banner.waitFor()
    })
    await page.getByRole('link', { name: 'Rebuild all' }).waitFor()
    await banner.waitFor({ state: 'detached' })
  })
}

async function choice() {
  await test('a choice in a list and a box go back', async () => {
    const user = await call(page, 'POST', 'users', { username: 'unsaved', name: 'Berta', email: 'berta@example.com', password: 'a-long-password-of-a-test' })
    await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
    await page.goto(`${base}/project/${project.id}/team`)
    const row = page.getByRole('row', { name: /Berta/ })
    await row.getByText('Guest').waitFor()
    await without(async () => {
      await choose(page, 'Role of Berta', /^Manager/)
      await page.getByText(`The role of Berta is as it was. ${GONE}`).waitFor()
      await row.getByText('Guest').waitFor()
    })
    same((await call(page, 'GET', `project/${project.id}/users`)).find((each) => each.id === user.id), { role: 'guest' }, 'the member')
    const [template] = await call(page, 'GET', `project/${project.id}/templates`)
    await call(page, 'POST', `project/${project.id}/roles`, { slug: 'unsaved', name: 'Watchers', permissions: 0 })
    await call(page, 'POST', `project/${project.id}/templates/${template.id}/perms`, { role_slug: 'unsaved', permissions: 1 })
    await page.goto(`${base}/project/${project.id}/templates/${template.id}/perms`)
    const box = page.getByRole('checkbox', { name: 'Watchers: Change it' })
    await box.waitFor()
    await without(async () => {
      await box.click()
      await page.getByText(`The permissions of Watchers are as they were. ${GONE}`).waitFor()
      assert(!(await box.isChecked()), 'the box did not go back')
    })
    await box.click()
    await eventually(async () => (await call(page, 'GET', `project/${project.id}/templates/${template.id}/perms`))[0].permissions === 5, 'the role may change it')
  })
}
