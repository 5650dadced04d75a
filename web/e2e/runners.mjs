// The browser test of what goes with runners and repositories: runners of a project, tags and branches to choose from, workspaces of a
// template, its schedules, and a single task that is deleted.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, test } from './browser.mjs'
import { base, call, choose, eventually, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const directory = mkdtempSync(join(tmpdir(), 'semaphore-branches-'))
const host = await gitHost()
let browser = null
let page = null
let project = null
let dialog = null
await scenario('Pages of runners', async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => rmSync(directory, { recursive: true, force: true }))
  stage.after(() => host.close())
  dialog = page.getByRole('dialog')
  await runners()
  await tags()
  await branches()
  await workspaces()
  await schedules()
  await deletion()
  await fits(browser, [['template-schedules', `/project/${project.id}/templates/${(await call(page, 'GET', `project/${project.id}/templates`))[0].id}/schedules`, /./]])
})

/** A repository with two branches behind HTTP, as a file server gives it out. */
async function gitHost() {
  const source = join(directory, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'site.yml'), '[]\n')
  const git = (...words) => {
    const done = spawnSync('git', ['-C', source, '-c', 'user.name=b', '-c', 'user.email=b@example.com', ...words], { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`git ${words[0]}: ${done.stderr}`)
  }
  for (const words of [['init', '-q', '-b', 'main'], ['add', '.'], ['commit', '-qm', 'first'], ['branch', 'feature/maps'], ['branch', 'release']]) git(...words)
  git('clone', '-q', '--bare', source, join(directory, 'code.git'))
  spawnSync('git', ['-C', join(directory, 'code.git'), 'update-server-info'])
  const { readFile } = await import('node:fs/promises')
  const server = createServer(async (request, response) => {
    try {
      response.end(await readFile(join(directory, new URL(request.url, 'http://host').pathname)))
    } catch {
      response.statusCode = 404
      response.end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  chmodSync(directory, 0o755)
  return { url: `http://127.0.0.1:${server.address().port}/code.git`, close: () => server.close() }
}

/** The page as it is if the server says that runners of projects get tasks, or that they do not. */
async function saying(target, project_runners) {
  await target.route('**/api/info', async (route) => {
    const answer = await route.fetch()
    const information = await answer.json()
    await route.fulfill({ response: answer, json: { ...information, premium_features: { ...information.premium_features, project_runners } } })
  })
}

async function runners() {
  const of = `project/${project.id}/runners`
  const menu = page.getByRole('navigation', { name: 'Project' })
  await test('runners of a project are offered only if they get tasks', async () => {
    await saying(page, false)
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.waitForLoadState('networkidle')
    assert((await menu.getByRole('link', { name: 'Runners' }).count()) === 0, 'they are offered')
    await page.unroute('**/api/info')
    await saying(page, true)
    await page.reload()
    await menu.getByRole('link', { name: 'Runners' }).click()
    await page.getByRole('heading', { name: 'Runners', level: 1 }).waitFor()
    await page.getByRole('heading', { name: 'No runners' }).waitFor()
  })
  await test('a runner of a project is made, and what it has to be told is shown once', async () => {
    await page.getByRole('button', { name: 'New runner' }).click()
    for (const [label, value] of Object.entries({ Name: 'Cellar', Tag: 'big', 'Tasks at the same time': '2', 'Address to wake it': 'http://127.0.0.1:9/wake' })) await dialog.getByLabel(label, { exact: true }).fill(value)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Copy the token of Cellar now.').waitFor()
    await page.getByText('How it is set up on its machine').click()
    const token = await page.locator('.whole code').innerText()
    const shown = JSON.parse(await page.locator('pre').innerText())
    assert(shown.web_host === base && shown.runner.token === token && token.length > 20, JSON.stringify(shown))
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the key' }).click()])
    assert(download.suggestedFilename() === shown.runner.private_key_file, download.suggestedFilename())
    await pictures(page, 'project-runners')
    same((await call(page, 'GET', of))[0], { name: 'Cellar', tag: 'big', max_parallel_tasks: 2, webhook: 'http://127.0.0.1:9/wake', active: true, project_id: project.id }, 'the runner')
    await page.reload()
    await page.getByRole('row', { name: /Cellar/ }).waitFor()
    assert((await page.getByText(token).count()) === 0, 'the token is shown again')
  })
  await test('it is switched, changed, asked to empty its cache, and deleted', async () => {
    const stored = async () => (await call(page, 'GET', of))[0]
    await page.getByRole('checkbox', { name: 'Cellar is active' }).click()
    await eventually(async () => !(await stored()).active, 'it is switched off')
    await page.getByRole('button', { name: 'Empty the cache of Cellar' }).click()
    await page.getByRole('row', { name: /Cellar/ }).getByText('Is to empty its cache').waitFor()
    assert((await stored()).cleaning_requested !== null, 'nobody asked it')
    await page.getByRole('button', { name: 'Change Cellar' }).click()
    await dialog.getByLabel('Name', { exact: true }).fill('Attic')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /Attic/ }).waitFor()
    await page.getByRole('button', { name: 'Delete Attic' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No runners' }).waitFor()
    assert((await call(page, 'GET', of)).length === 0, 'it is still there')
  })
  await test('administrators see those of projects too, and empty caches', async () => {
    const runner = await call(page, 'POST', of, { name: 'Shed', active: true })
    await page.goto(`${base}/runners`)
    await page.getByRole('button', { name: 'Empty the cache of Shed' }).click()
    await page.getByRole('row', { name: /Shed/ }).getByText('Is to empty its cache').waitFor()
    await page.getByRole('row', { name: /Shed/ }).getByRole('link', { name: `Of project ${project.id}` }).click()
    await page.getByRole('heading', { name: 'Runners', level: 1 }).waitFor()
    await page.getByRole('row', { name: /Shed/ }).waitFor()
    await call(page, 'DELETE', `runners/${runner.id}`)
  })
  await test('the list of all tasks says which runner has one', async () => {
    const runner = await call(page, 'POST', of, { name: 'Quarry', tag: 'quarry', active: true })
    const poll = () => fetch(`${base}/api/internal/runners`, { headers: { 'X-Runner-Token': runner.token } })
    assert((await poll()).status === 200, 'it may not ask')
    const template = await project.template({ name: 'Far away', runner_tag: 'quarry' })
    const task = await project.of('tasks', { template_id: template.id })
    await page.goto(`${base}/tasks`)
    const row = page.getByRole('row', { name: new RegExp(`Task #${task.id}\\b`) })
    await row.getByText('On Quarry', { exact: true }).waitFor()
    await row.getByRole('button', { name: 'Stop' }).click()
    await row.waitFor({ state: 'detached' })
    await call(page, 'DELETE', `runners/${runner.id}`)
  })
  await test('who may not change them sees them without buttons', async () => {
    const runner = await call(page, 'POST', of, { name: 'Barn', active: true })
    const user = await call(page, 'POST', 'users', { username: 'runners-guest', name: 'Gustav', email: 'runners-guest@example.com', password: SECRET })
    await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'task_runner' })
    const own = await visit(browser, { user: 'runners-guest', secret: SECRET })
    await saying(own, true)
    await own.goto(`${base}/project/${project.id}/runners`)
    const row = own.getByRole('row', { name: /Barn/ })
    await row.waitFor()
    assert((await row.getByRole('button').count()) + (await row.getByRole('checkbox').count()) === 0, 'there are buttons')
    assert((await own.getByRole('button', { name: 'New runner' }).count()) === 0, 'one can be made')
    await own.context().close()
    await call(page, 'DELETE', `users/${user.id}`)
    await call(page, 'DELETE', `runners/${runner.id}`)
  })
}

async function tags() {
  await test('tags of runners are suggested, and others can be typed', async () => {
    const runner = await call(page, 'POST', `project/${project.id}/runners`, { name: 'Mill', tag: 'strong', active: true })
    await page.goto(`${base}/project/${project.id}/inventory`)
    await page.getByRole('button', { name: 'Change Hosts' }).click()
    await choose(dialog, 'Tag of runners', /^strong/)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
    same(await call(page, 'GET', `project/${project.id}/inventory/${project.inventory.id}`), { runner_tag: 'strong' }, 'the inventory')
    await page.getByRole('button', { name: 'Change Hosts' }).click()
    await dialog.getByRole('combobox', { name: 'Tag of runners' }).fill('other')
    await dialog.getByText('No runner of this project has this tag yet').waitFor()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
    same(await call(page, 'GET', `project/${project.id}/inventory/${project.inventory.id}`), { runner_tag: 'other' }, 'the inventory')
    await call(page, 'DELETE', `runners/${runner.id}`)
  })
}

async function branches() {
  const hosted = await project.of('repositories', { name: 'Hosted', git_url: host.url, git_branch: 'main', ssh_key_id: project.key.id })
  const lost = await project.of('repositories', { name: 'Lost', git_url: 'http://127.0.0.1:9/code.git', git_branch: 'main', ssh_key_id: project.key.id })
  const template = await project.template({ name: 'Of a branch', repository_id: hosted.id, allow_override_branch_in_task: true })
  const of = `project/${project.id}/templates/${template.id}`
  await test('the branches of a repository are offered in the form of a template', async () => {
    await page.goto(`${base}/${of}/edit`)
    await page.getByRole('combobox', { name: 'Branch' }).click()
    await page.getByRole('option', { name: 'feature/maps', exact: true }).click()
    await pictures(page, 'template-branch')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.waitForURL(/\/templates\/\d+(\/tasks)?$/)
    same(await call(page, 'GET', of), { git_branch: 'feature/maps' }, 'the template')
  })
  await test('and when it is run; another name can be typed', async () => {
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    const branch = dialog.getByRole('combobox', { name: 'Branch' })
    await branch.click()
    await branch.fill('rel')
    await page.getByRole('option', { name: 'release', exact: true }).waitFor()
    await branch.fill('not-there')
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
    const [task] = await call(page, 'GET', `${of}/tasks`)
    same(task, { git_branch: 'not-there' }, 'the task')
  })
  await test('of a repository that is not reached it is said, and the name is typed', async () => {
    await page.goto(`${base}/${of}/edit`)
    await choose(page, 'Repository', 'Lost')
    const branch = page.getByRole('combobox', { name: 'Branch' })
    await branch.click()
    await page.getByText(/^The branches cannot be listed, so type the name\. ./).waitFor()
    await branch.fill('main')
    await pictures(page, 'template-branch-lost')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.waitForURL(/\/templates\/\d+(\/tasks)?$/)
    same(await call(page, 'GET', of), { git_branch: 'main', repository_id: lost.id }, 'the template')
  })
  await test('a directory of the server is not asked', async () => {
    const asked = []
    page.on('request', (request) => request.url().endsWith('extended=true') && asked.push(request.url()))
    await page.goto(`${base}/${of}/edit`)
    await choose(page, 'Repository', 'Code')
    await page.getByRole('combobox', { name: 'Branch' }).click()
    await page.getByRole('combobox', { name: 'Branch' }).fill('any')
    await page.waitForLoadState('networkidle')
    assert(!asked.some((url) => url.includes(`/repositories/${project.repository.id}/`)), asked.join())
  })
}

async function workspaces() {
  const [one, two] = [await project.of('inventory', { name: 'Production', type: 'tofu-workspace', inventory: 'production' }), await project.of('inventory', { name: 'Staging', type: 'tofu-workspace', inventory: 'staging' })]
  const template = await project.template({ name: 'Cloud', app: 'tofu', playbook: '', inventory_id: one.id })
  const of = `project/${project.id}/templates/${template.id}`
  const owner = async (workspace) => (await call(page, 'GET', `project/${project.id}/inventory/${workspace.id}`)).template_id
  await test('a workspace is given to a template, used, and taken away', async () => {
    await page.goto(`${base}/${of}`)
    await page.getByRole('navigation', { name: 'Parts of the template' }).getByRole('link', { name: 'Workspaces' }).click()
    const production = page.getByRole('row', { name: /Production/ })
    await production.getByText('Its tasks use this one').waitFor()
    await choose(page, 'Workspace without a template', 'Staging')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Staging belongs to the template now.').waitFor()
    assert((await owner(two)) === template.id, 'it belongs to nobody')
    await pictures(page, 'template-workspaces')
    await page.getByRole('button', { name: 'Let its tasks use Staging' }).click()
    await page.getByRole('row', { name: /Staging/ }).getByText('Its tasks use this one').waitFor()
    same(await call(page, 'GET', of), { inventory_id: two.id }, 'the template')
    await page.getByRole('button', { name: 'Take Production away from the template' }).click()
    await production.waitFor({ state: 'detached' })
    assert((await owner(one)) === null, 'it still belongs to the template')
  })
  await test('the form of the template names the workspace that belongs to it', async () => {
    await page.goto(`${base}/${of}/edit`)
    await page.locator('.v-input').filter({ has: page.getByRole('combobox', { name: 'Workspace' }) }).getByText('Staging', { exact: true }).waitFor()
  })
  await test('other templates have no workspaces', async () => {
    const other = await project.template({ name: 'Plain' })
    await page.goto(`${base}/project/${project.id}/templates/${other.id}`)
    await page.getByRole('navigation', { name: 'Parts of the template' }).getByRole('link', { name: 'Schedules' }).waitFor()
    assert((await page.getByRole('link', { name: 'Workspaces' }).count()) === 0, 'they are offered')
  })
}

async function schedules() {
  const template = await project.template({ name: 'Nightly build' })
  const remote = (await call(page, 'GET', `project/${project.id}/repositories`)).find((each) => each.name === 'Hosted')
  await test('a schedule that waits for a commit stands with its template', async () => {
    await page.goto(`${base}/project/${project.id}/schedule`)
    await page.getByRole('button', { name: 'New schedule' }).click()
    await dialog.getByLabel('Name', { exact: true }).fill('On a commit')
    await choose(dialog, 'Template', 'Nightly build')
    await choose(dialog, 'Only if there is a new commit in', 'Hosted')
    await dialog.getByText('It is always active: to stop it, delete it or take the condition away.').waitFor()
    assert((await dialog.getByRole('checkbox', { name: 'Active' }).count()) === 0, 'it can be switched off')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/\/templates\/\d+\/schedules$/)
    const row = page.getByRole('row', { name: /On a commit/ })
    await row.getByText('Only if there is a new commit in Hosted').waitFor()
    assert((await row.getByRole('checkbox').count()) === 0, 'it has a switch')
    const [stored] = await call(page, 'GET', `project/${project.id}/templates/${template.id}/schedules`)
    same(stored, { name: 'On a commit', repository_id: remote.id, active: true }, 'the schedule')
  })
  await test('beside the other schedules of the template', async () => {
    await page.getByRole('button', { name: 'New schedule' }).click()
    await dialog.getByLabel('Name', { exact: true }).fill('Each night')
    await dialog.getByRole('button', { name: 'Save' }).click()
    const row = page.getByRole('row', { name: /Each night/ })
    await row.waitFor()
    await pictures(page, 'template-schedules')
    await row.getByRole('checkbox', { name: 'Each night is active' }).click()
    const stored = async () => (await call(page, 'GET', `project/${project.id}/schedules`)).find((each) => each.name === 'Each night')
    await eventually(async () => (await stored()).active === false, 'it is switched off')
    for (const name of ['Each night', 'On a commit']) {
      await page.getByRole('button', { name: `Delete ${name}` }).click()
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('row', { name: new RegExp(name) }).waitFor({ state: 'detached' })
    }
    await page.getByRole('heading', { name: 'No schedules yet' }).waitFor()
    assert((await call(page, 'GET', `project/${project.id}/templates/${template.id}/schedules`)).length === 0, 'one is still there')
  })
}

async function deletion() {
  const template = await project.template({ name: 'Fails at once' })
  const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
  const address = `${base}/project/${project.id}/tasks/${task.id}`
  await test('nobody but administrators is offered to delete a task', async () => {
    const user = await call(page, 'POST', 'users', { username: 'runners-owner', name: 'Olga', email: 'runners-owner@example.com', password: SECRET })
    await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'owner' })
    const own = await visit(browser, { user: 'runners-owner', secret: SECRET })
    await own.goto(address)
    await own.getByRole('button', { name: 'Run again' }).waitFor()
    assert((await own.getByRole('button', { name: 'Delete the task' }).count()) === 0, 'it is offered')
    await own.context().close()
    await call(page, 'DELETE', `users/${user.id}`)
  })
  await test('an administrator deletes a task', async () => {
    await page.goto(address)
    await page.getByRole('button', { name: 'Delete the task' }).click()
    await pictures(page, 'task-delete')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText(`Task #${task.id} is deleted.`).waitFor()
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor()
    assert(!(await call(page, 'GET', `project/${project.id}/tasks`)).some((each) => each.id === task.id), 'it is still there')
  })
}
