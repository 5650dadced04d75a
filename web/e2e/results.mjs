// The browser test of what has run: statistics of a project and a template, limits for what is kept, and several templates at once.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, test } from './browser.mjs'
import { base, call, choose, eventually, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const sources = mkdtempSync(join(tmpdir(), 'semaphore-results-'))
// What a task does: end well, end badly, or wait until it is stopped.
for (const [name, text] of [['good.sh', 'echo good'], ['bad.sh', 'exit 3'], ['long.sh', 'echo begun; exec sleep 600']]) {
  writeFileSync(join(sources, name), `#!/usr/bin/env bash\n${text}\n`)
  chmodSync(join(sources, name), 0o755)
}
chmodSync(sources, 0o755)
let project = null
let page = null
let browser = null
await scenario('Pages of results', async (stage) => {
  ;({ project, page, browser } = stage)
  stage.after(() => rmSync(sources, { recursive: true, force: true }))
  const repository = await project.of('repositories', { name: 'Scripts', git_url: sources, git_branch: '', ssh_key_id: project.key.id })
  const template = (name, playbook, more) => project.template({ name, playbook, repository_id: repository.id, ...more })
  const templates = {
    good: await template('Ends well', 'good.sh'),
    bad: await template('Ends badly', 'bad.sh'),
    long: await template('Takes long', 'long.sh'),
    asking: await template('Asks first', 'good.sh', { survey_vars: [{ name: 'version', title: 'Version', type: '', required: true }] }),
  }
  await statistics(templates)
  await bulk(templates)
  await retention(templates)
  await roles()
  await fits(browser, [
    ['statistics', `/project/${project.id}/stats`, 'Statistics'],
    ['template-statistics', `/project/${project.id}/templates/${templates.good.id}/details`, 'Ends well'],
    ['templates-chosen', `/project/${project.id}/templates`, 'Templates'],
  ])
})

async function ran(template) {
  const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
  await eventually(async () => ['success', 'error', 'stopped'].includes((await call(page, 'GET', `project/${project.id}/tasks/${task.id}`)).status), `task ${task.id} ends`)
}

/** The number below a heading of the sums. */
function figure(name) {
  return page.locator('dl[aria-label="Sums"] > div').filter({ hasText: name }).locator('dd').innerText()
}

async function statistics({ good, bad }) {
  await test('a project in which nothing has run says so', async () => {
    await page.goto(`${base}/project/${project.id}/history`)
    await page.getByRole('navigation', { name: 'History' }).getByRole('link', { name: 'Statistics' }).click()
    await page.getByRole('heading', { name: 'No tasks in this time' }).waitFor()
    await pictures(page, 'statistics-empty')
  })
  await test('tasks are counted by how they ended', async () => {
    await ran(good)
    await ran(good)
    await ran(good)
    await ran(bad)
    await page.goto(`${base}/project/${project.id}/stats`)
    await page.getByRole('img', { name: 'Tasks by day: 4 in all, 3 succeeded, 1 failed, 0 stopped' }).waitFor()
    assert((await figure('Success rate')) === '75 %', `the rate is ${await figure('Success rate')}`)
    assert((await figure('Succeeded')) === '3' && (await figure('Failed')) === '1', 'the sums')
    assert((await page.locator('.chart .part').count()) === 2, 'there are other parts of bars')
    await page.getByText('As a table').click()
    await page.getByRole('table', { name: 'Tasks by day' }).getByRole('row').nth(1).getByRole('cell').nth(1).getByText('3').waitFor()
    await pictures(page, 'statistics')
  })
  await test('another time and another person are asked for', async () => {
    const asked = (part) => page.waitForRequest((request) => request.url().includes(`/stats?`) && request.url().includes(part))
    const [year] = await Promise.all([asked('start='), choose(page, 'Time', 'The last year')])
    const days = (Date.now() - Date.parse(new URL(year.url()).searchParams.get('start'))) / 86_400_000
    assert(days > 363 && days < 367, `it begins ${days} days ago`)
    await page.getByText('A bar is a week').waitFor()
    const me = await call(page, 'GET', 'user')
    await Promise.all([asked(`user_id=${me.id}`), choose(page, 'Started by', me.name)])
    await page.getByRole('img', { name: /^Tasks by day: 4 in all/ }).waitFor()
    await choose(page, 'Time', 'Always')
    await page.getByRole('img', { name: /^Tasks by day: 4 in all/ }).waitFor()
  })
  await test('two days are chosen, and what ran between them is counted', async () => {
    const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
    await choose(page, 'Time', 'Between two days')
    await page.getByLabel('First day').fill(day(1))
    await page.getByRole('img', { name: /^Tasks by day: 4 in all/ }).waitFor()
    await pictures(page, 'statistics-days')
    await page.getByLabel('Last day').fill(day(2))
    await page.getByText('The last day is before the first one.').waitFor()
    await page.getByLabel('First day').fill(day(5))
    await page.getByRole('heading', { name: 'No tasks in this time' }).waitFor()
  })
  await test('a template has statistics of its own', async () => {
    await page.goto(`${base}/project/${project.id}/templates/${bad.id}`)
    await page.getByRole('navigation', { name: 'Parts of the template' }).getByRole('link', { name: 'Statistics' }).click()
    await page.getByRole('img', { name: 'Tasks by day: 1 in all, 0 succeeded, 1 failed, 0 stopped' }).waitFor()
    assert(page.url().endsWith(`/templates/${bad.id}/details`), page.url())
    await pictures(page, 'template-statistics')
  })
}

async function bulk({ good, bad, long, asking }) {
  const dialog = page.getByRole('dialog')
  const choice = (name) => page.getByRole('checkbox', { name: `Choose ${name}`, exact: true })
  const reported = (name, state) => dialog.getByRole('listitem').filter({ hasText: name }).getByRole('img', { name: state, exact: true }).waitFor()
  await test('several templates are run with one confirmation, and each is reported', async () => {
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('checkbox', { name: 'Choose all' }).check()
    await page.getByText('4 chosen').waitFor()
    await choice('Ends badly').uncheck()
    await page.getByText('3 chosen').waitFor()
    await pictures(page, 'templates-chosen')
    await page.getByRole('toolbar').getByRole('button', { name: 'Run' }).click()
    await dialog.getByRole('heading', { name: 'Run 3 templates?' }).waitFor()
    await pictures(page, 'bulk-run')
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    await dialog.getByText('Done: 2 of 3.').waitFor()
    await reported('Ends well', 'Done')
    await reported('Takes long', 'Done')
    await reported('Asks first', 'Not done')
    await dialog.getByText('It asks for something that has no default: Version is required.').waitFor()
    await pictures(page, 'bulk-report')
    const tasks = await call(page, 'GET', `project/${project.id}/templates/${asking.id}/tasks`)
    assert(tasks.length === 0, 'what asks was run')
    assert((await call(page, 'GET', `project/${project.id}/templates/${good.id}/tasks`)).length === 4, 'what was chosen was not run')
    await dialog.getByRole('button', { name: 'Close' }).click()
    await dialog.waitFor({ state: 'detached' })
    // What was refused is still chosen.
    await page.getByText('1 chosen').waitFor()
    await page.getByRole('button', { name: 'Choose none' }).click()
  })
  await test('the tasks of several templates are stopped', async () => {
    await eventually(async () => (await call(page, 'GET', `project/${project.id}/templates/${long.id}/tasks`))[0].status === 'running', 'it runs')
    await choice('Takes long').check()
    await choice('Ends well').check()
    await page.getByRole('toolbar').getByRole('button', { name: 'Stop' }).click()
    await dialog.getByRole('button', { name: 'Stop', exact: true }).click()
    await dialog.getByText('Done: 2 of 2.').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await eventually(async () => (await call(page, 'GET', `project/${project.id}/templates/${long.id}/tasks`))[0].status === 'stopped', 'it is stopped')
  })
  await test('several templates are deleted; one that is in use stays and is named', async () => {
    const builds = await project.template({ name: 'Builds', type: 'build', start_version: '1' })
    await project.template({ name: 'Installs', type: 'deploy', build_template_id: builds.id })
    await page.goto(`${base}/project/${project.id}/templates`)
    await choice('Builds').check()
    await choice('Takes long').check()
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click()
    await dialog.getByText('This cannot be undone.').waitFor()
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
    await dialog.getByText('Done: 1 of 2.').waitFor()
    await reported('Takes long', 'Done')
    await reported('Builds', 'Not done')
    await dialog.getByText('It is in use by Installs.').waitFor()
    const left = (await call(page, 'GET', `project/${project.id}/templates`)).map((each) => each.name)
    assert(!left.includes('Takes long'), 'it is still there')
    assert(left.includes('Builds'), 'what is in use is gone')
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('row', { name: /Takes long/ }).waitFor({ state: 'detached' })
    assert((await call(page, 'GET', `project/${project.id}/templates/${bad.id}`)).id === bad.id, 'what was not chosen is gone')
  })
}

async function retention({ good }) {
  const rules = () => call(page, 'GET', `project/${project.id}/retention`)
  await test('how long tasks are kept is set for the project, every limit', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByLabel('Days', { exact: true }).fill('no number')
    await page.getByRole('button', { name: 'Save the limits' }).click()
    await page.getByText('Enter a whole number above 0, or nothing.').waitFor()
    await page.getByLabel('Days', { exact: true }).fill('30')
    await page.getByLabel('Tasks', { exact: true }).fill('500')
    await page.getByLabel('Output in MiB').fill('1,5')
    await page.getByRole('button', { name: 'Save the limits' }).click()
    await page.getByRole('dialog').getByText('They are deleted with their logs at once').waitFor()
    await pictures(page, 'retention-question')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('It is saved how long tasks are kept.').waitFor()
    same((await rules()).project, { max_age_days: 30, max_tasks: 500, max_bytes: 1_572_864 }, 'the rule')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: 'How long finished tasks are kept' }).scrollIntoViewIfNeeded()
    await pictures(page, 'project-retention')
  })
  await test('a template has limits of its own, and what is beyond them goes', async () => {
    await page.goto(`${base}/project/${project.id}/templates/${good.id}/retention`)
    await page.getByLabel('Tasks', { exact: true }).fill('1')
    await page.getByRole('button', { name: 'Save the limits' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('It is saved how long tasks are kept.').waitFor()
    same((await rules()).templates[0], { template_id: good.id, max_age_days: null, max_tasks: 1, max_bytes: null }, 'the rule')
    await eventually(async () => (await call(page, 'GET', `project/${project.id}/templates/${good.id}/tasks`)).length === 1, 'one task is left')
    await pictures(page, 'template-retention')
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByRole('link', { name: 'Ends well' }).click()
    await page.getByRole('navigation', { name: 'Parts of the template' }).waitFor()
    await page.getByLabel('Tasks', { exact: true }).fill('')
    await page.getByRole('button', { name: 'Save the limits' }).click()
    await page.getByText('It is saved how long tasks are kept.').waitFor()
    same(await rules(), { templates: [] }, 'the rules')
  })
}

/** No control that would be refused, no request that is. */
async function roles() {
  const user = await call(page, 'POST', 'users', { username: 'results-hugo', name: 'Hugo', email: 'hugo@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  for (const [role, may] of [['guest', ''], ['task_runner', 'run'], ['manager', 'run manage'], ['owner', 'run manage project']]) {
    await test(`a ${role} chooses and limits what a ${role} may`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'results-hugo', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      await own.goto(`${base}/project/${project.id}/templates`)
      await own.getByRole('link', { name: 'Ends well', exact: true }).waitFor()
      const box = own.getByRole('checkbox', { name: 'Choose Ends well' })
      assert((await box.count()) === (may === '' ? 0 : 1), 'the box')
      if (may !== '') {
        await box.check()
        const bar = own.getByRole('toolbar', { name: 'Chosen templates' })
        await bar.getByRole('button', { name: 'Run' }).waitFor()
        for (const name of ['Stop', 'Delete']) assert((await bar.getByRole('button', { name }).count()) === (may.includes('manage') ? 1 : 0), name)
      }
      await own.goto(`${base}/project/${project.id}/stats`)
      await own.getByRole('img', { name: /^Tasks by day/ }).waitFor()
      await own.goto(`${base}/project/${project.id}/settings`)
      await own.getByRole('heading', { name: 'How long finished tasks are kept' }).waitFor()
      assert((await own.getByRole('button', { name: 'Save the limits' }).count()) === (may.includes('project') ? 1 : 0), 'saving the limits')
      await own.waitForLoadState('networkidle')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
  await call(page, 'DELETE', `users/${user.id}`)
}
