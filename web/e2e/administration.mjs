// The browser test of the server's administration: users, running tasks, runners, apps, system and options.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, picture, test } from './browser.mjs'
import { base, call, eventually, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
let browser = null
await scenario(null, async (stage) => {
  ;({ browser } = stage)
  const { page } = stage
  await people(page)
  await tasks(page)
  await runners(page)
  await apps(page)
  await system(page)
  await fits(browser, ['users', 'tasks', 'runners', 'apps', 'system'].map((path) => [`admin-${path}`, `/${path}`, 'Administration']))
})

async function fill(scope, fields) {
  for (const [label, value] of Object.entries(fields)) await scope.getByLabel(label, { exact: true }).fill(value)
}

async function people(page) {
  const dialog = page.getByRole('dialog')
  const find = async (login) => (await call(page, 'GET', 'users')).find((user) => user.username === login)
  await test('the menu leads to the users, and one is made', async () => {
    await page.goto(`${base}/projects`)
    await page.getByRole('button', { name: /^Account of/ }).click()
    await page.getByText('Administration').click()
    await page.getByRole('button', { name: 'New user' }).click()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Enter a password.').waitFor()
    await fill(dialog, { Name: 'Nora', 'User name': 'nora', 'E-mail': 'nora@example.com', Password: SECRET })
    await dialog.getByRole('checkbox', { name: 'Gets alerts by e-mail' }).check()
    await pictures(page, 'user-form')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The account of Nora is saved.').waitFor()
    same(await find('nora'), { name: 'Nora', email: 'nora@example.com', admin: false, alert: true, external: false }, 'the account')
    const nora = await visit(browser, { user: 'nora', secret: SECRET })
    await nora.goto(`${base}/users`)
    await nora.getByRole('heading', { name: 'No projects yet' }).waitFor()
    await nora.getByRole('button', { name: /^Account of/ }).click()
    await nora.getByText('Sign out').waitFor()
    assert((await nora.getByText('Administration').count()) === 0, 'it is offered to everybody')
    await nora.context().close()
  })
  await test('a name that is taken is refused and nothing is lost', async () => {
    await page.getByRole('button', { name: 'New user' }).click()
    await fill(dialog, { Name: 'Another', 'User name': 'nora', 'E-mail': 'another@example.com', Password: SECRET })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByRole('alert').waitFor()
    assert((await dialog.getByLabel('Name', { exact: true }).inputValue()) === 'Another', 'the name is lost')
    await picture(page, 'user-refused')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
  })
  await test('every field is changed, also the password', async () => {
    await page.getByRole('button', { name: 'Change Nora', exact: true }).click()
    await page.waitForFunction(() => document.querySelector('[role=dialog] input')?.value === 'Nora')
    await fill(dialog, { Name: 'Nora Two', 'User name': 'nora2', 'E-mail': 'two@example.com', 'New password': `${SECRET}-new` })
    await dialog.getByRole('checkbox', { name: 'Administrator of the server' }).check()
    await dialog.getByRole('checkbox', { name: 'Gets alerts by e-mail' }).uncheck()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The account of Nora Two is saved.').waitFor()
    same(await find('nora2'), { name: 'Nora Two', email: 'two@example.com', admin: true, alert: false }, 'the account')
    const nora = await visit(browser, { user: 'nora2', secret: `${SECRET}-new` })
    await nora.context().close()
    await pictures(page, 'users')
  })
  await test('an account is deleted, the own one cannot be', async () => {
    assert((await page.getByRole('button', { name: 'Delete Administrator' }).count()) === 0, 'the own account can be deleted')
    await page.getByRole('button', { name: 'Delete Nora Two' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /Nora Two/ }).waitFor({ state: 'detached' })
    assert((await find('nora2')) === undefined, 'it is still there')
  })
}

async function tasks(page) {
  await test('a task that waits for its program is seen and stopped', async () => {
    await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: 'Running tasks' }).click()
    await page.getByRole('heading', { name: 'Nothing runs' }).waitFor()
    const project = await call(page, 'POST', 'projects', { name: 'Pages of the administration' })
    const of = (kind, body) => call(page, 'POST', `project/${project.id}/${kind}`, { ...body, project_id: project.id })
    const demo = (await call(page, 'GET', 'projects')).find((each) => each.name === 'Demo')
    const [code] = await call(page, 'GET', `project/${demo.id}/repositories`)
    const key = await of('keys', { name: 'Nothing', type: 'none' })
    const repository = await of('repositories', { name: 'Code', git_url: code.git_url, git_branch: code.git_branch, ssh_key_id: key.id })
    await call(page, 'PUT', 'apps/sleeper', { active: true, path: '/bin/sleep', args: ['600'], title: 'Sleeper' })
    const template = await of('templates', { name: 'Long', app: 'sleeper', playbook: '0', repository_id: repository.id, arguments: '[]' })
    const task = await of('tasks', { template_id: template.id })
    const row = page.getByRole('row', { name: new RegExp(`Task #${task.id}`) })
    await row.locator('[data-status="running"]').waitFor({ timeout: 30_000 })
    await pictures(page, 'admin-tasks')
    await page.getByRole('button', { name: `Stop task ${task.id}` }).click()
    await row.waitFor({ state: 'detached', timeout: 30_000 })
    same(await call(page, 'GET', `project/${project.id}/tasks/${task.id}`), { status: 'stopped' }, 'the task')
    await call(page, 'DELETE', `project/${project.id}`)
    await call(page, 'DELETE', 'apps/sleeper')
  })
}

async function runners(page) {
  const dialog = page.getByRole('dialog')
  await test('a runner is made, its token is shown once, it is changed and deleted', async () => {
    await page.goto(`${base}/runners`)
    await page.getByRole('button', { name: 'New runner' }).click()
    await fill(dialog, { Name: 'Cellar', Tag: 'big', 'Tasks at the same time': '2', 'Address to wake it': 'http://127.0.0.1:9/wake' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Copy the token of Cellar now.').waitFor()
    await pictures(page, 'admin-runners')
    const stored = async () => (await call(page, 'GET', 'runners')).find((runner) => runner.name.startsWith('Cellar'))
    same(await stored(), { tag: 'big', max_parallel_tasks: 2, webhook: 'http://127.0.0.1:9/wake', active: true }, 'the runner')
    await page.getByRole('checkbox', { name: 'Cellar is active' }).uncheck()
    await eventually(async () => !(await stored()).active, 'the runner is switched off')
    await page.getByRole('button', { name: 'Change Cellar' }).click()
    await fill(dialog, { Name: 'Cellar 2', Tag: '', 'Tasks at the same time': '0', 'Address to wake it': '' })
    await dialog.getByRole('checkbox', { name: 'Active' }).check()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /Cellar 2/ }).waitFor()
    same(await stored(), { name: 'Cellar 2', tag: '', max_parallel_tasks: 0, webhook: '', active: true }, 'the runner')
    await page.getByRole('button', { name: 'Delete Cellar 2' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /Cellar 2/ }).waitFor({ state: 'detached' })
    assert((await stored()) === undefined, 'it is still there')
  })
}

async function apps(page) {
  const dialog = page.getByRole('dialog')
  await test('an app is made, changed, switched and deleted', async () => {
    await page.goto(`${base}/apps`)
    await page.getByRole('button', { name: 'New app' }).click()
    await fill(dialog, { Id: 'ruby', Name: 'Ruby' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Enter the path of the program.').waitFor()
    await fill(dialog, { Program: '/usr/bin/ruby', 'Arguments before the script': '-W0\n-Ilib', 'Place in lists': '650' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('“Ruby” is saved.').waitFor()
    await pictures(page, 'admin-apps')
    same(await call(page, 'GET', 'apps/ruby'), { title: 'Ruby', path: '/usr/bin/ruby', args: ['-W0', '-Ilib'], priority: 650, active: true }, 'the app')
    await page.getByRole('button', { name: 'Change Ruby' }).click()
    await fill(dialog, { Name: 'Ruby 3', Program: '/opt/ruby', 'Arguments before the script': '-v', 'Place in lists': '10' })
    await dialog.getByRole('checkbox', { name: 'Active' }).uncheck()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('“Ruby 3” is saved.').waitFor()
    same(await call(page, 'GET', 'apps/ruby'), { title: 'Ruby 3', path: '/opt/ruby', args: ['-v'], priority: 10, active: false }, 'the app')
    await page.getByRole('checkbox', { name: 'Ruby 3 is active' }).check()
    await eventually(async () => (await call(page, 'GET', 'apps/ruby')).active, 'the app is active')
    await page.getByRole('button', { name: 'Delete Ruby 3' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /Ruby 3/ }).waitFor({ state: 'detached' })
  })
}

async function system(page) {
  const dialog = page.getByRole('dialog')
  await test('the system says its version, and an option is set', async () => {
    await page.goto(`${base}/system`)
    const { version } = await call(page, 'GET', 'info')
    await page.getByRole('main').getByText(version, { exact: true }).waitFor()
    await page.getByRole('button', { name: 'New option' }).click()
    await fill(dialog, { Name: 'page.test', Value: 'one' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('“page.test” is saved.').waitFor()
    await pictures(page, 'admin-system')
    await page.getByRole('button', { name: 'Change page.test' }).click()
    await fill(dialog, { Value: 'two' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /page.test two/ }).waitFor()
    same(await call(page, 'GET', 'options'), { 'page.test': 'two' }, 'the options')
    await page.getByRole('button', { name: 'Clear the cache of all projects' }).click()
    await page.getByText('The cache of all projects is empty.').waitFor()
  })
}
