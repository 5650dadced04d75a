// The browser test of comparing two runs: logs, what they were given, hosts of Ansible, and logs that are too long.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, test } from './browser.mjs'
import { assertShort, longestTask } from './trace.mjs'
import { base, call, choose, eventually, fits, pictures, scenario } from './visit.mjs'

const sources = mkdtempSync(join(tmpdir(), 'semaphore-compare-'))
chmodSync(sources, 0o755)
let project = null
let page = null
let browser = null
await scenario('Pages of comparisons', async (stage) => {
  ;({ project, page, browser } = stage)
  stage.after(() => rmSync(sources, { recursive: true, force: true }))
  const repository = await project.of('repositories', { name: 'Scripts', git_url: sources, git_branch: '', ssh_key_id: project.key.id })
  const hosts = await project.of('inventory', { name: 'Two hosts', type: 'static', inventory: 'one\ntwo\nthree', ssh_key_id: project.key.id })
  const template = (more) => project.template({ repository_id: repository.id, ...more })
  const script = await template({ name: 'Script', playbook: 'run.sh', survey_vars: [{ name: 'version', title: 'Version', type: '', required: true }] })
  await scripts(script)
  await long(await template({ name: 'Long', playbook: 'run.sh' }))
  await foreign(await template({ name: 'Foreign', playbook: 'run.sh' }))
  await ansible(await template({ name: 'Playbook', app: 'ansible', playbook: 'site.yml', inventory_id: hosts.id }))
  const [latest] = await call(page, 'GET', `project/${project.id}/templates/${script.id}/tasks`)
  await fits(browser, [['compare', `/project/${project.id}/tasks/${latest.id}/compare`, `Compare Script #${latest.id}`]])
})

function write(name, text) {
  writeFileSync(join(sources, name), text)
  chmodSync(join(sources, name), 0o755)
}

/** Runs a template to its end and gives the task. */
async function ran(template, more = {}) {
  const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id, ...more })
  const now = () => call(page, 'GET', `project/${project.id}/tasks/${task.id}`)
  await eventually(async () => ['success', 'error', 'stopped'].includes((await now()).status), `task ${task.id} ends`)
  return now()
}

function texts(kind) {
  return page.locator(`.diff-row.${kind} .diff-text`).allTextContents()
}

async function scripts(template) {
  const body = (word) => `#!/usr/bin/env bash\nfor i in $(seq 40); do echo "step $i"; done\ndate +"%Y-%m-%d %H:%M:%S.%N the time"\necho "size is ${word} units"\nfor i in $(seq 41 80); do echo "step $i"; done\n`
  write('run.sh', body('small'))
  const first = await ran(template, { environment: '{"version": "1.0"}' })
  await test('the first run has nothing to be compared with', async () => {
    await page.goto(`${base}/project/${project.id}/tasks/${first.id}`)
    await page.getByRole('link', { name: 'Compare', exact: true }).click()
    await page.getByRole('heading', { name: 'There is no earlier run' }).waitFor()
  })
  write('run.sh', body('large'))
  const second = await ran(template, { environment: '{"version": "2.0"}', message: 'second' })
  await test('a task is compared with the run before: one line differs, times do not count', async () => {
    await page.goto(`${base}/project/${project.id}/tasks/${second.id}`)
    await page.getByRole('link', { name: 'Compare', exact: true }).click()
    await page.getByRole('heading', { name: `Compare Script #${second.id}` }).waitFor()
    await page.getByText(/^One place differs: 1 line only before, 1 only now/).waitFor()
    const changed = page.locator('.diff-row.changed')
    assert((await changed.count()) === 1, `${await changed.count()} rows differ`)
    assert(JSON.stringify(await changed.locator('mark').allInnerTexts()) === '["small","large"]', 'the marks')
    await pictures(page, 'compare')
  })
  await test('times count if that is wanted', async () => {
    await page.getByRole('checkbox', { name: 'Ignore times' }).uncheck()
    // The number of the task and the time of the script.
    await page.getByText(/^\d+ places? differ/).waitFor()
    assert((await page.locator('.diff-row.changed').filter({ hasText: 'the time' }).count()) === 1, 'the time does not differ')
    await page.getByRole('checkbox', { name: 'Ignore times' }).check()
    await page.getByText(/^One place differs/).waitFor()
  })
  await test('one below the other, and equal lines on request', async () => {
    await page.getByRole('checkbox', { name: 'Side by side' }).uncheck()
    assert((await texts('gone')).join() === 'Only in task #' + `${first.id}: size is small units` && (await texts('new')).join() === `Only in task #${second.id}: size is large units`, `${await texts('gone')} ${await texts('new')}`)
    await pictures(page, 'compare-unified')
    const folds = page.getByRole('button', { name: /equal lines$/ })
    assert((await folds.count()) === 2, 'the folds')
    await folds.first().click()
    await page.locator('.diff-row .diff-text').filter({ hasText: /^step 7$/ }).waitFor()
    await page.getByRole('button', { name: 'Next difference' }).click()
    await page.locator('.diff-row.gone').waitFor()
    await page.getByRole('checkbox', { name: 'Side by side' }).check()
  })
  await test('what was given differs where it differs', async () => {
    const table = page.getByRole('table', { name: 'What the tasks were given, and how they ended' })
    const row = (name) => table.getByRole('row', { name: new RegExp(`^${name}`) })
    assert((await row('Variable version').innerText()).replace(/\s+/g, ' ').includes('1.0 2.0'), await row('Variable version').innerText())
    await table.getByRole('rowheader', { name: 'Variable version (differs)' }).waitFor()
    await table.getByRole('rowheader', { name: 'Message (differs)' }).waitFor()
    await table.getByRole('rowheader', { name: 'Status', exact: true }).waitFor()
  })
  const third = await ran(template, { environment: '{"version": "2.0"}', message: 'second' })
  await test('any other run of the template can be chosen', async () => {
    await page.goto(`${base}/project/${project.id}/tasks/${third.id}/compare`)
    await page.getByText('No line differs').waitFor()
    await choose(page, 'With', new RegExp(`^#${first.id} `))
    await page.waitForURL(new RegExp(`/tasks/${third.id}/compare/${first.id}$`))
    await page.getByText(/^One place differs/).waitFor()
    await page.goBack()
  })
}

async function long(template) {
  write('run.sh', '#!/usr/bin/env bash\nseq -f "line %.0f of a long log" 12000\n')
  await ran(template)
  write('run.sh', '#!/usr/bin/env bash\nseq -f "line %.0f of a long log" 12000 | sed -e "s/^line 9000 of/line 9000 OF/" -e "s/^line 11000 of/line 11000 OF/"\n')
  const task = await ran(template)
  await test('of long logs the beginning is compared, and that is said', async () => {
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}/compare`)
    await page.getByText(/Only the first 10,000 lines are compared/).waitFor()
    await page.getByText(/^One place differs/).waitFor()
    await page.locator('.diff-row.changed').filter({ hasText: 'line 9000 OF a long log' }).waitFor()
    const folds = page.getByRole('button', { name: /equal lines$/ })
    await folds.first().click()
    // Thousands of rows are wanted, and a screenful of them is drawn.
    await page.locator('.diff-row .diff-text').filter({ hasText: /^line 20 of/ }).first().waitFor()
    const drawn = await page.locator('.diff-row').count()
    assert(drawn < 300, `${drawn} rows are drawn`)
    await page.getByRole('button', { name: 'Next difference' }).click()
    await page.locator('.diff-row.changed').filter({ hasText: 'line 9000 OF a long log' }).waitFor()
    await pictures(page, 'compare-long')
  })
}

/** Logs that have nothing in common are the longest way: the page answers meanwhile all the same. */
async function foreign(template) {
  for (const word of ['one', 'other']) {
    write('run.sh', `#!/usr/bin/env bash\nseq -f "%.0f is a line of the ${word} log at 12:00:00" 12000\n`)
    await ran(template)
  }
  const [task] = await call(page, 'GET', `project/${project.id}/templates/${template.id}/tasks/last?limit=1`)
  await test('logs with nothing in common are compared while the page answers', async () => {
    const own = await page.context().newPage()
    // What the page itself takes to begin is not meant.
    await own.goto(`${base}/project/${project.id}/tasks/${task.id}`)
    await own.locator('.log-state.ended').waitFor()
    const longest = await longestTask(browser, own, 'while logs are compared', async () => {
      await own.getByRole('link', { name: 'Compare' }).click()
      await own.locator('.diff-sum').filter({ hasText: /only before/ }).waitFor()
      await own.getByRole('checkbox', { name: 'Ignore times' }).uncheck()
      await own.locator('.diff-row.changed').first().waitFor()
      await own.waitForTimeout(500)
    })
    assertShort(longest)
    await own.close()
  })
}

async function ansible(template) {
  const book = (changed, failed) =>
    write('site.yml', `- hosts: all\n  gather_facts: false\n  tasks:\n    - name: Look\n      debug:\n        msg: hello\n      changed_when: inventory_hostname == '${changed}'\n    - name: Check\n      fail:\n        msg: no\n      when: inventory_hostname == '${failed}'\n`)
  book('one', 'three')
  await ran(template)
  book('one', 'two')
  const task = await ran(template)
  await test('hosts with other results are told, what got worse first', async () => {
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}/compare`)
    await page.getByRole('heading', { name: 'Hosts: 2 of 3 differ' }).waitFor()
    const rows = page.getByRole('table', { name: 'Hosts that differ' }).getByRole('row')
    const [worse, better] = [await rows.nth(1).innerText(), await rows.nth(2).innerText()]
    assert(/^two/.test(worse) && worse.includes('not any more') && worse.includes('1 failed'), worse)
    assert(/^three/.test(better) && better.includes('Went wrong before'), better)
    await pictures(page, 'compare-hosts')
  })
}
