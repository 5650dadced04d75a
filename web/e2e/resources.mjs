// The browser test of what templates are made of: keys, repositories, inventories, variable groups. Every field is filled, changed, looked at by
// a second browser and compared with the API; what is in use stays. And what is done to a task from its page, and smaller forms of other areas.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, test } from './browser.mjs'
import { select } from './form.mjs'
import { base, call, eventually, pictures, same, scenario, visit } from './visit.mjs'

const sources = mkdtempSync(join(tmpdir(), 'semaphore-resources-'))
// Two programs: one that ends when it is asked to, and one that does not.
for (const [name, text] of [['polite.sh', 'echo begun; exec sleep 600'], ['deaf.sh', "trap '' TERM INT; echo begun; while true; do sleep 0.2; done"]]) {
  writeFileSync(join(sources, name), `#!/usr/bin/env bash\n${text}\n`)
  chmodSync(join(sources, name), 0o755)
}
chmodSync(sources, 0o755)
let browser = null
let page = null
let project = null
let dialog = null
await scenario('Pages of resources', async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => rmSync(sources, { recursive: true, force: true }))
  dialog = page.getByRole('dialog')
  await page.context().request.delete(`${base}/api/roles/resources-watch`)
  await project.of('keys', { name: 'Another', type: 'none' })
  await project.template({ name: 'Uses them', app: 'ansible', playbook: 'site.yml', inventory_id: project.inventory.id })
  await keys()
  await repositories()
  await inventories()
  await groups()
  await stopping()
  await integrations()
  await others()
})

async function fill(fields) {
  for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label, { exact: true }).fill(value)
}

async function save() {
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
}

/** The object as the API has it, by its name. */
async function stored(kind, name) {
  const found = (await call(page, 'GET', `project/${project.id}/${kind}`)).find((each) => each.name === name)
  assert(found, `${kind} has no ${name}`)
  return call(page, 'GET', `project/${project.id}/${kind}/${found.id}`)
}

async function open(kind, heading) {
  await page.goto(`${base}/project/${project.id}/${kind}`)
  await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
}

/** A form that was saved shows the same to somebody else. */
async function seenByAnother(kind, name, values) {
  const other = await visit(browser)
  await other.goto(`${base}/project/${project.id}/${kind}`)
  await other.getByRole('button', { name: `Change ${name}`, exact: true }).click()
  for (const [label, value] of Object.entries({ Name: name, ...values })) {
    const field = other.getByRole('dialog').getByLabel(label, { exact: true }).first()
    await field.waitFor()
    assert((await field.inputValue()) === value, `${label} is ${await field.inputValue()}, not ${value}`)
  }
  await other.context().close()
}

/** One that is in use stays, and says what uses it; another one goes. */
async function deletion(kind, used, user, unused) {
  await test(`of ${kind} what is in use stays, and what is not is deleted`, async () => {
    await page.getByRole('button', { name: `Delete ${used}`, exact: true }).click()
    await dialog.getByText('It is in use and cannot be deleted.').filter({ hasText: user }).waitFor()
    assert(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), 'it can be deleted')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: `Delete ${unused}`, exact: true }).click()
    await dialog.getByText('Nothing uses it. This cannot be undone.').waitFor()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: `Delete ${unused}`, exact: true }).waitFor({ state: 'detached' })
    const left = await call(page, 'GET', `project/${project.id}/${kind}`)
    assert(left.some((each) => each.name === used) && !left.some((each) => each.name === unused), 'something else is left')
  })
}

async function keys() {
  await test('a key is made and changed', async () => {
    await open('keys', 'Keys')
    await page.getByRole('button', { name: 'New key' }).click()
    await select(dialog, 'Type', 'Login with password')
    await fill({ Name: 'Deploy', 'User name': 'bot', 'Password or token': 'a secret' })
    await save()
    same(await stored('keys', 'Deploy'), { type: 'login_password' }, 'the key')
    await page.getByRole('button', { name: 'Change Deploy', exact: true }).click()
    await dialog.getByRole('checkbox', { name: 'Replace its type and secret' }).check()
    await select(dialog, 'Type', 'SSH key')
    const { privateKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
    await fill({ Name: 'Rollout', 'User name': 'git', 'Private key': privateKey })
    await pictures(page, 'key-form')
    await save()
    same(await stored('keys', 'Rollout'), { type: 'ssh' }, 'the key')
    await seenByAnother('keys', 'Rollout', {})
  })
  await deletion('keys', 'Nothing', 'Code', 'Rollout')
}

async function repositories() {
  await test('a repository is made and changed', async () => {
    await open('repositories', 'Repositories')
    await page.getByRole('button', { name: 'New repository' }).click()
    await fill({ Name: 'Tools', 'URL or absolute path': '/srv/tools', Branch: '' })
    await select(dialog, 'Key', 'Nothing')
    await save()
    same(await stored('repositories', 'Tools'), { git_url: '/srv/tools', git_branch: '', ssh_key_id: project.key.id }, 'the repository')
    await page.getByRole('button', { name: 'Change Tools', exact: true }).click()
    const changed = { 'URL or absolute path': 'https://git.example.com/tools.git', Branch: 'stable' }
    await fill({ Name: 'Toolbox', ...changed })
    await select(dialog, 'Key', 'Another')
    await pictures(page, 'repository-form')
    await save()
    same(await stored('repositories', 'Toolbox'), { git_url: 'https://git.example.com/tools.git', git_branch: 'stable' }, 'the repository')
    await seenByAnother('repositories', 'Toolbox', changed)
  })
  await deletion('repositories', 'Code', 'Uses them', 'Toolbox')
}

async function inventories() {
  await test('an inventory is made and changed', async () => {
    await open('inventory', 'Inventories')
    await page.getByRole('button', { name: 'New inventory' }).click()
    await fill({ Name: 'Web', Hosts: 'web1\nweb2', 'Tag of runners': 'big' })
    await select(dialog, 'Key for the hosts', 'Nothing')
    await select(dialog, 'Key to become another user', 'Vault password')
    await save()
    const made = await stored('inventory', 'Web')
    same(made, { type: 'static', inventory: 'web1\nweb2', ssh_key_id: project.key.id, runner_tag: 'big' }, 'the inventory')
    assert(made.become_key_id > 0, 'the second key is missing')
    await page.getByRole('button', { name: 'Change Web', exact: true }).click()
    await select(dialog, 'Type', 'A file of a repository')
    await select(dialog, 'Repository', 'Code')
    await select(dialog, 'Key for the hosts', 'Another')
    const changed = { 'Path in the repository': 'hosts/web.yml', 'Tag of runners': 'small' }
    await fill({ Name: 'Servers', ...changed })
    await pictures(page, 'inventory-form')
    await save()
    same(await stored('inventory', 'Servers'), { type: 'file', inventory: 'hosts/web.yml', repository_id: project.repository.id, runner_tag: 'small' }, 'the inventory')
    await seenByAnother('inventory', 'Servers', changed)
  })
  await deletion('inventory', 'Hosts', 'Uses them', 'Servers')
}

async function groups() {
  await test('a variable group is made and changed, with its secrets', async () => {
    await open('environment', 'Variable groups')
    await page.getByRole('button', { name: 'New variable group' }).click()
    await fill({ 'Extra variables': 'no json' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('This is not a JSON object such as {"version": "1.2"}.').waitFor()
    await fill({ 'Extra variables': '{"a": "1"}', 'Variables of the process': '{"LANG": "C"}' })
    await dialog.getByLabel('Name', { exact: true }).first().fill('Production')
    await dialog.getByRole('button', { name: 'Add a secret' }).click()
    await dialog.getByLabel('Name', { exact: true }).last().fill('token')
    await dialog.getByLabel('Value', { exact: true }).fill('a secret value')
    await save()
    const made = await stored('environment', 'Production')
    same(made, { json: '{"a": "1"}', env: '{"LANG": "C"}' }, 'the group')
    assert(made.secrets.length === 1 && made.secrets[0].name === 'token' && !JSON.stringify(made).includes('a secret value'), JSON.stringify(made.secrets))
    await page.getByRole('button', { name: 'Change Production', exact: true }).click()
    const changed = { 'Extra variables': '{"a": "2"}', 'Variables of the process': '{"LANG": "de_DE.UTF-8"}' }
    await fill(changed)
    await dialog.getByLabel('Name', { exact: true }).first().fill('Live')
    await pictures(page, 'group-form')
    await dialog.getByRole('button', { name: 'Delete the secret token' }).click()
    await save()
    const now = await stored('environment', 'Live')
    same(now, { json: '{"a": "2"}', env: '{"LANG": "de_DE.UTF-8"}' }, 'the group')
    assert((now.secrets ?? []).length === 0, 'the secret is still there')
    await seenByAnother('environment', 'Live', changed)
  })
  await deletion('environment', 'Settings', 'Uses them', 'Live')
}

/** From the page of a task: asked to stop, and made to. */
async function stopping() {
  const repository = await project.of('repositories', { name: 'Scripts', git_url: sources, git_branch: '', ssh_key_id: project.key.id })
  for (const [name, playbook, force] of [['Polite', 'polite.sh', false], ['Deaf', 'deaf.sh', true]]) {
    await test(force ? 'a task that does not stop is made to' : 'a task is stopped from its page', async () => {
      const template = await project.template({ name, playbook, repository_id: repository.id })
      const task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
      await page.goto(`${base}/project/${project.id}/tasks/${task.id}`)
      await page.locator('.log-text').filter({ hasText: 'begun' }).waitFor()
      await page.getByRole('button', { name: 'Stop', exact: true }).click()
      if (force) await page.getByRole('button', { name: 'Force stop' }).click()
      await page.locator('main [data-status="stopped"]').first().waitFor()
      await eventually(async () => (await call(page, 'GET', `project/${project.id}/tasks/${task.id}`)).status === 'stopped', 'it is stopped')
    })
  }
}

async function integrations() {
  const [template] = await call(page, 'GET', `project/${project.id}/templates`)
  const integration = await call(page, 'POST', `project/${project.id}/integrations`, { project_id: project.id, template_id: template.id, name: 'From outside', auth_method: '', searchable: false })
  const of = `project/${project.id}/integrations/${integration.id}`
  await test('an integration has an address of its own, which is deleted', async () => {
    await page.goto(`${base}/${of}`)
    await page.getByRole('button', { name: 'Add an address' }).click()
    await page.locator('.aliases code').waitFor()
    assert((await call(page, 'GET', `${of}/aliases`)).length === 1, 'there is no address')
    await page.getByRole('button', { name: 'Delete the address' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete the address' }).waitFor({ state: 'detached' })
    assert((await call(page, 'GET', `${of}/aliases`)).length === 0, 'the address is still there')
  })
  await test('a value that is taken out of requests is changed', async () => {
    await page.getByRole('button', { name: 'New value' }).click()
    await select(dialog, 'Take from', 'Header')
    await fill({ Name: 'Commit', Header: 'X-Commit', Variable: 'commit' })
    await save()
    await page.getByRole('button', { name: 'Change Commit' }).click()
    await fill({ Name: 'Revision', Header: 'X-Revision', Variable: 'revision' })
    await save()
    await page.getByText('Header X-Revision → revision').waitFor()
    same((await call(page, 'GET', `${of}/values`))[0], { name: 'Revision', key: 'X-Revision', variable: 'revision' }, 'the value')
  })
}

async function others() {
  await test('a role of all projects is changed', async () => {
    await call(page, 'POST', 'roles', { slug: 'resources-watch', name: 'Watchers', permissions: 0 })
    await page.goto(`${base}/roles`)
    await page.getByRole('button', { name: 'Change Watchers' }).click()
    await fill({ Name: 'Guards' })
    await dialog.getByRole('checkbox', { name: /^Run tasks/ }).check()
    await save()
    same(await call(page, 'GET', 'roles/resources-watch'), { name: 'Guards', permissions: 1 }, 'the role')
    await call(page, 'DELETE', 'roles/resources-watch')
  })
  await test('the whole activity is shown on request', async () => {
    const events = await call(page, 'GET', `project/${project.id}/events`)
    // As many as the short list has at most, without making so many.
    const many = Array.from({ length: 200 }, () => events[0])
    await page.route('**/events/last', (route) => route.fulfill({ json: many }))
    await page.goto(`${base}/project/${project.id}/activity`)
    await page.getByRole('button', { name: 'Show everything' }).click()
    await eventually(async () => (await page.getByRole('row').count()) === events.length + 1, 'every event is shown')
    await page.unroute('**/events/last')
  })
}
