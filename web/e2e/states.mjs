// The browser test of Terraform states: addresses, versions, one of them, what differs between two, and who may see what.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, test } from './browser.mjs'
import { base, call, choose, fits, pictures, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
let browser = null
let page = null
let project = null
let user = null
let inventory = null
await scenario('Pages of states', async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => user && call(page, 'DELETE', `users/${user.id}`))
  for (const name of ['For Terraform', 'Another login']) {
    await project.of('keys', { name, type: 'login_password', login_password: { login: 'terra', password: name === 'For Terraform' ? 'form' : 'other' } })
  }
  inventory = await project.of('inventory', { name: 'production', type: 'tofu-workspace', inventory: 'production' })
  const url = await addresses()
  await versions(url)
  await roles()
  const [latest, before] = await call(page, 'GET', `project/${project.id}/inventory/${inventory.id}/terraform/states`)
  const home = `/project/${project.id}/inventory/${inventory.id}/states`
  await fits(browser, [
    ['states', home, 'States of production'],
    ['state-version', `${home}?version=${latest.id}`, `Version ${latest.id}`],
    ['state-compare', `${home}?version=${latest.id}&with=${before.id}`, `Version ${latest.id}`],
  ])
  await removal()
})

function stored() {
  return call(page, 'GET', `project/${project.id}/inventory/${inventory.id}/terraform/aliases`)
}

async function addresses() {
  const dialog = page.getByRole('dialog')
  await test('a workspace leads to its states, of which there are none', async () => {
    await page.goto(`${base}/project/${project.id}/inventory`)
    await page.getByRole('link', { name: 'States of production' }).click()
    await page.getByRole('heading', { name: 'No state yet' }).waitFor()
    await page.getByText('There are none yet.').waitFor()
    await pictures(page, 'states-empty')
  })
  await test('an address is made with a key, and gets another one', async () => {
    await page.getByRole('button', { name: 'New address' }).click()
    await choose(dialog, 'Key', 'Another login')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('table', { name: 'Addresses' }).getByText('Another login').waitFor()
    await page.getByRole('button', { name: /^Another key for/ }).click()
    await choose(dialog, 'Key', 'For Terraform')
    await pictures(page, 'state-address-form')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('table', { name: 'Addresses' }).getByText('For Terraform').waitFor()
    const list = await stored()
    assert(list.length === 1, 'there are more addresses')
  })
  const [address] = await stored()
  return `${base}/api/terraform/${address.id}`
}

async function push(url, serial, more) {
  const body = {
    version: 4, terraform_version: '1.10.1', serial, lineage: 'the-lineage',
    outputs: { address: { value: `10.0.0.${serial}`, type: 'string' }, password: { value: `hidden-output-${serial}`, type: 'string', sensitive: true } },
    resources: [
      { mode: 'managed', type: 'random_password', name: 'admin', provider: 'p', instances: [{ attributes: { length: 12, result: `hidden-attribute-${serial}` }, sensitive_attributes: [[{ type: 'get_attr', value: 'result' }]] }] },
      ...more,
    ],
  }
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { Authorization: `Basic ${Buffer.from('terra:form').toString('base64')}`, 'Content-Type': 'application/json' } })
  assert(answer.ok, `the state was answered with ${answer.status}`)
}

async function versions(url) {
  const node = { mode: 'managed', type: 'server', name: 'node', provider: 'p', instances: [{ attributes: { size: 1 } }] }
  await push(url, 1, [])
  await push(url, 2, [node])
  await test('versions are listed, the latest first, and one is shown without its secrets', async () => {
    await page.reload()
    const table = page.getByRole('table', { name: 'Versions, latest first' })
    await table.getByText('In use').waitFor()
    assert((await table.getByRole('row').count()) === 3, 'there are not two versions')
    await pictures(page, 'states')
    await table.getByRole('link', { name: /^Version/ }).first().click()
    const text = page.getByRole('region', { name: /^State, version/ })
    await text.waitFor()
    assert((await text.innerText()).includes('10.0.0.2') && !(await text.innerText()).includes('hidden-'), 'the text')
    await page.locator('dl').getByText('the-lineage').waitFor()
    await pictures(page, 'state-version')
    await page.getByRole('checkbox', { name: 'Hide sensitive values' }).uncheck()
    await text.filter({ hasText: 'hidden-attribute-2' }).filter({ hasText: 'hidden-output-2' }).waitFor()
    await page.getByRole('checkbox', { name: 'Hide sensitive values' }).check()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download all of it' }).click()])
    assert(/^state-\d+-\d+\.json$/.test(download.suggestedFilename()), download.suggestedFilename())
  })
  await test('two versions are compared by resources and by lines', async () => {
    await page.getByRole('link', { name: 'All versions' }).click()
    await page.getByRole('link', { name: /^Compare version \d+ with the one before/ }).click()
    const changes = page.getByRole('list', { name: /^What differs from version/ })
    await changes.waitFor()
    const words = (await changes.innerText()).replace(/\s+/g, ' ')
    for (const part of ['output.address changed', 'output.password changed', 'random_password.admin changed', 'server.node added']) assert(words.includes(part), `${part} is not in ${words}`)
    await page.locator('.diff-row').filter({ hasText: '"serial": 2' }).waitFor()
    assert(!(await page.locator('.diff').innerText()).includes('hidden-'), 'a secret is shown')
    await pictures(page, 'state-compare')
    const url = page.url()
    await page.reload()
    await changes.waitFor()
    assert(page.url() === url, 'the address has changed')
    await choose(page, 'Compare with', 'Nothing')
    await page.getByRole('region', { name: /^State, version/ }).waitFor()
  })
}

async function roles() {
  user = await call(page, 'POST', 'users', { username: 'states-ole', name: 'Ole', email: 'states-ole@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  const home = `${base}/project/${project.id}/inventory/${inventory.id}/states`
  for (const [role, may] of [['guest', ''], ['task_runner', 'read'], ['manager', 'read manage'], ['owner', 'read manage']]) {
    await test(`a ${role} sees of states what a ${role} may`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'states-ole', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      await own.goto(home)
      await own.getByRole('table', { name: 'Versions, latest first' }).waitFor()
      await own.waitForLoadState('networkidle')
      assert((await own.getByRole('link', { name: /^Show version/ }).count()) === (may.includes('read') ? 2 : 0), 'reading')
      assert((await own.getByRole('button', { name: /^Delete version/ }).count()) === (may.includes('manage') ? 2 : 0), 'deleting')
      assert((await own.getByRole('button', { name: 'New address' }).count()) === (may.includes('manage') ? 1 : 0), 'addresses')
      const [latest] = await call(page, 'GET', `project/${project.id}/inventory/${inventory.id}/terraform/states`)
      await own.goto(`${home}?version=${latest.id}`)
      if (may.includes('read')) await own.getByRole('region', { name: /^State, version/ }).waitFor()
      else await own.getByText('Your role in this project does not allow to read states.').waitFor()
      await own.waitForLoadState('networkidle')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
}

async function removal() {
  await test('a version and an address are deleted', async () => {
    await page.goto(`${base}/project/${project.id}/inventory/${inventory.id}/states`)
    await page.getByRole('button', { name: /^Delete version/ }).first().click()
    await page.getByRole('dialog').getByText(/^It is the one in use/).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert((await call(page, 'GET', `project/${project.id}/inventory/${inventory.id}/terraform/states`)).length === 1, 'the version is still there')
    await page.getByRole('button', { name: /^Delete address/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('There are none yet.').waitFor()
    assert((await stored()).length === 0, 'the address is still there')
  })
}
