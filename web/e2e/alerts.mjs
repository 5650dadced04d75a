// The browser test of alerts: the rules of a template, a test from the settings, and what was told about a task.
//
//   SERVER_BIN=target/release/semaphore node e2e/alerts.mjs
//
// It starts a server by itself, on a free port and with data of its own, and another one that takes the alerts. Optional: CHROMIUM,
// SCREENSHOTS as in run.mjs.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { ownServer } from './own-server.mjs'

/** What the chat was told; what it answers next. */
const told = []
let answer = 200
const chat = createServer((request, response) => {
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    if (answer === 200) told.push(body)
    response.statusCode = answer
    response.end('ok')
  })
})
await new Promise((resolve) => chat.listen(0, '127.0.0.1', resolve))
const server = await ownServer('alerts', { more: { slack_alert: true, slack_url: `http://127.0.0.1:${chat.address().port}/hook` } })
const { base } = server
const scripts = join(server.directory, 'scripts')
mkdirSync(scripts)
writeFileSync(join(scripts, 'bad.sh'), '#!/usr/bin/env bash\nexit 3\n')
chmodSync(join(scripts, 'bad.sh'), 0o755)
const { assert, test } = await import('./browser.mjs')
const { call, eventually, fits, furnished, pictures, same, scenario, visit } = await import('./visit.mjs')
const { select } = await import('./form.mjs')

let browser = null
let page = null
let project = null
await scenario(null, async (stage) => {
  ;({ browser, page } = stage)
  stage.after(() => chat.closeAllConnections())
  stage.after(() => chat.close())
  stage.after(() => server.remove())
  project = await furnished(page, 'Pages of alerts')
  const repository = await project.of('repositories', { name: 'Scripts', git_url: scripts, git_branch: '', ssh_key_id: project.key.id })
  const template = await project.template({ name: 'Nightly', playbook: 'bad.sh', repository_id: repository.id })
  await rules(template)
  await trial()
  await tasks(template)
  await roles(template)
  await fits(browser, [['template-alerts', `/project/${project.id}/templates/${template.id}/alerts`, 'Nightly']])
}, { provoked: [400, 404, 409, 503] })

/** Chooses, and waits until the list is gone: the next one has the same choices. */
async function rules(template) {
  const stored = () => call(page, 'GET', `project/${project.id}/templates/${template.id}/alerts`)
  await test('a template has a rule for each channel', async () => {
    await page.goto(`${base}/project/${project.id}/templates/${template.id}`)
    await page.getByRole('navigation', { name: 'Parts of the template' }).getByRole('link', { name: 'Alerts' }).click()
    await page.getByText('The alerts of this project are off').waitFor()
    const wanted = [['E-mail', /^Always/, 'always'], ['Slack', /^Failures and the recovery/, 'recovered'], ['Telegram', /^Failures Every failure$/, 'failure'], ['Microsoft Teams', /^Always/, 'always'], ['Rocket.Chat', /^Failures and the recovery/, 'recovered'], ['DingTalk', /^Failures Every failure$/, 'failure'], ['Gotify', /^Always/, 'always']]
    for (const [channel, choice] of wanted) await select(page, channel, choice)
    await pictures(page, 'template-alerts')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The rules are saved.').waitFor()
    const names = { 'E-mail': 'email', Slack: 'slack', Telegram: 'telegram', 'Microsoft Teams': 'microsoft_teams', 'Rocket.Chat': 'rocketchat', DingTalk: 'dingtalk', Gotify: 'gotify' }
    const found = Object.fromEntries((await stored()).rules.map((rule) => [rule.channel, rule.occasion]))
    same(found, Object.fromEntries(wanted.map(([channel, , occasion]) => [names[channel], occasion])), 'the rules')
  })
  await test('rules are taken away again', async () => {
    await page.reload()
    await page.getByRole('heading', { name: 'What is told about its tasks' }).waitFor()
    for (const channel of ['E-mail', 'Telegram', 'Microsoft Teams', 'Rocket.Chat', 'DingTalk', 'Gotify']) await select(page, channel, /^As usual/)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The rules are saved.').waitFor()
    same(await stored(), { rules: [{ channel: 'slack', occasion: 'recovered' }] }, 'the rules')
  })
}

async function trial() {
  await test('a test is sent from the settings, and what went wrong is said', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByRole('checkbox', { name: /^Send alerts/ }).check()
    await page.getByRole('button', { name: 'Save the project' }).click()
    await page.getByRole('button', { name: 'Send a test alert' }).click()
    await page.getByText('A test alert is on its way.').waitFor()
    assert(told.length === 1, `the chat was told ${told.length} times`)
    answer = 403
    await page.getByRole('button', { name: 'Send a test alert' }).click()
    await page.getByRole('alert').filter({ hasText: '403' }).waitFor()
    await pictures(page, 'alert-test-refused')
    answer = 200
  })
}

async function tasks(template) {
  const ended = async (body = {}) => {
    const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id, ...body })
    await eventually(async () => ['success', 'error'].includes((await call(page, 'GET', `project/${project.id}/tasks/${task.id}`)).status), `task ${task.id} ends`)
    return task
  }
  await test('the page of a task says who was told', async () => {
    const task = await ended()
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}`)
    await page.getByRole('list', { name: 'Alerts' }).getByText(/^Slack, Failed: told/).waitFor()
    assert(told.some((body) => body.includes('Nightly')), 'the chat was not told')
    await pictures(page, 'task-alerts')
  })
  await test('an alert that was refused is said with the reason', async () => {
    answer = 400
    const task = await ended()
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}`)
    await page.getByRole('list', { name: 'Alerts' }).getByText(/^Slack, Failed: not told: .*400/).waitFor()
    await pictures(page, 'task-alerts-refused')
    answer = 200
  })
}

/** No control that would be refused, no request that is. */
async function roles(template) {
  const secret = 'a-long-password-of-a-test'
  const user = await call(page, 'POST', 'users', { username: 'alerts-lea', name: 'Lea', email: 'lea@example.com', password: secret })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  for (const [role, manages] of [['guest', false], ['task_runner', false], ['manager', true], ['owner', true]]) {
    await test(`a ${role} ${manages ? 'changes' : 'reads'} the rules`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'alerts-lea', secret })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      await own.goto(`${base}/project/${project.id}/templates/${template.id}/alerts`)
      await own.getByRole('heading', { name: 'What is told about its tasks' }).waitFor()
      assert((await own.getByRole('button', { name: 'Save' }).count()) === (manages ? 1 : 0), 'saving')
      if (!manages) await own.getByText('Failures and the recovery').first().waitFor()
      await own.goto(`${base}/project/${project.id}/settings`)
      await own.getByRole('heading', { name: 'Host keys' }).waitFor()
      assert((await own.getByRole('button', { name: 'Send a test alert' }).count()) === (manages ? 1 : 0), 'the test')
      await own.waitForLoadState('networkidle')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
}
