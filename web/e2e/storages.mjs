// The browser test of secret storages, and of keys that are kept in one. A server of this file answers as a key-value engine does.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { createServer } from 'node:http'
import { assert, test } from './browser.mjs'
import { base, call, choose, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const TOKEN = 'token-of-the-engine'
/** What was written, by path. */
const entries = new Map()
const engine = createServer((request, response) => {
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    response.setHeader('Content-Type', 'application/json')
    const allowed = request.headers['x-vault-token'] === TOKEN
    if (allowed && ['POST', 'PUT'].includes(request.method)) entries.set(request.url, JSON.parse(body))
    const found = entries.get(request.url)
    response.statusCode = !allowed ? 403 : found === undefined ? 404 : 200
    response.end(JSON.stringify(response.statusCode === 200 ? { data: { data: found.data, metadata: { version: 1 } } } : { errors: [] }))
  })
})
await new Promise((resolve) => engine.listen(0, '127.0.0.1', resolve))
const address = `http://127.0.0.1:${engine.address().port}`
let browser = null
let page = null
let project = null
await scenario('Pages of storages', async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => engine.closeAllConnections())
  stage.after(() => engine.close())
  await storages()
  await keys()
  await roles()
  await fits(browser, [['secret-storages', `/project/${project.id}/secret_storages`, 'Secret storages']])
  await removal()
}, { provoked: [400, 404, 409, 503] })

function list() {
  return call(page, 'GET', `project/${project.id}/secret_storages`)
}

async function storages() {
  const dialog = page.getByRole('dialog')
  const save = () => dialog.getByRole('button', { name: 'Save' }).click()
  await test('a storage is made with every field', async () => {
    await page.goto(`${base}/project/${project.id}/keys`)
    await page.getByRole('navigation', { name: 'Keys' }).getByRole('link', { name: 'Secret storages' }).click()
    await page.getByRole('heading', { name: 'No secret storages yet' }).waitFor()
    await pictures(page, 'secret-storages-empty')
    await page.getByRole('button', { name: 'New storage' }).click()
    await save()
    await dialog.getByText('Enter a name.').waitFor()
    await dialog.getByText('Enter the address').waitFor()
    await dialog.getByText('Enter the token.').waitFor()
    await dialog.getByLabel('Name', { exact: true }).fill('Company vault')
    await dialog.getByLabel('Address').fill(address)
    await dialog.getByLabel('Mount of the engine').fill('teams')
    await dialog.getByLabel('Namespace').fill('ours')
    await dialog.getByLabel('Token', { exact: true }).fill(TOKEN)
    await pictures(page, 'secret-storage-form')
    await save()
    await page.getByText('“Company vault” is saved.').waitFor()
    await page.getByRole('row', { name: /Company vault/ }).getByText(address).waitFor()
    same((await list())[0], { name: 'Company vault', type: 'vault', readonly: false, params: { url: address, mount: 'teams', namespace: 'ours' } }, 'the storage')
    await pictures(page, 'secret-storages')
  })
  await test('a storage is changed: the token comes from elsewhere and back, nothing else is lost', async () => {
    const [storage] = await list()
    const open = async () => {
      await page.getByRole('button', { name: 'Change Company vault' }).click()
      await dialog.getByLabel('Namespace').waitFor()
    }
    await open()
    assert((await dialog.getByLabel('Token', { exact: true }).inputValue()) === '', 'the token is shown')
    await choose(dialog, 'The token is in', 'A file on the server')
    await dialog.getByLabel('Path of the file').fill('/run/secrets/token')
    await dialog.getByLabel('Namespace').fill('')
    await dialog.getByRole('checkbox', { name: /^Read only/ }).check()
    await save()
    await page.getByRole('row', { name: /Company vault/ }).getByText('read only').waitFor()
    await dialog.waitFor({ state: 'detached' })
    same(await call(page, 'GET', `project/${project.id}/secret_storages/${storage.id}`), { readonly: true, source_storage_type: 'file', secret: '/run/secrets/token', params: { url: address, mount: 'teams' } }, 'the storage')
    await open()
    assert((await dialog.getByLabel('Path of the file').inputValue()) === '/run/secrets/token', 'the path is not shown')
    await choose(dialog, 'The token is in', 'The database, encrypted')
    await dialog.getByLabel('Token', { exact: true }).fill(TOKEN)
    await dialog.getByRole('checkbox', { name: /^Read only/ }).uncheck()
    await save()
    await dialog.waitFor({ state: 'detached' })
    same((await list())[0], { readonly: false }, 'the storage')
  })
}

async function keys() {
  const dialog = page.getByRole('dialog')
  const save = () => dialog.getByRole('button', { name: 'Save' }).click()
  await test('a key is written to the storage', async () => {
    await page.getByRole('navigation', { name: 'Keys' }).getByRole('link', { name: 'Keys' }).click()
    await page.getByRole('button', { name: 'New key' }).click()
    await dialog.getByLabel('Name', { exact: true }).fill('Deploys')
    await choose(dialog, 'Type', 'Login with password')
    await choose(dialog, 'The secret is in', 'A secret storage')
    await save()
    await dialog.getByText('Choose a secret storage.').waitFor()
    await dialog.getByText('Enter the path in the storage.').waitFor()
    await choose(dialog, 'Secret storage', 'Company vault')
    await dialog.getByLabel('Path in the storage').fill('apps/deploy')
    await dialog.getByLabel('User name').fill('deployer')
    await dialog.getByLabel('Password or token').fill('very secret')
    await pictures(page, 'key-of-storage')
    await save()
    await page.getByText('“Deploys” is saved.').waitFor()
    const [storage] = await list()
    const key = (await call(page, 'GET', `project/${project.id}/keys`)).find((each) => each.name === 'Deploys')
    same(key, { type: 'login_password', source_storage_type: 'vault', source_storage_id: storage.id, source_storage_key: 'apps/deploy' }, 'the key')
    const written = entries.get('/v1/teams/data/apps/deploy')
    assert(written !== undefined && JSON.stringify(written).includes('very secret'), 'nothing was written')
  })
  await test('what the storage refuses is said, and what was typed stays', async () => {
    entries.clear()
    await call(page, 'PUT', `project/${project.id}/secret_storages/${(await list())[0].id}`, { ...(await list())[0], secret: 'another token' })
    await page.getByRole('button', { name: 'New key' }).click()
    await dialog.getByLabel('Name', { exact: true }).fill('Refused')
    await choose(dialog, 'Type', 'Login with password')
    await choose(dialog, 'The secret is in', 'A secret storage')
    await choose(dialog, 'Secret storage', 'Company vault')
    await dialog.getByLabel('Path in the storage').fill('apps/refused')
    await dialog.getByLabel('Password or token').fill('very secret')
    await save()
    await dialog.getByRole('alert').first().waitFor()
    assert((await dialog.getByLabel('Path in the storage').inputValue()) === 'apps/refused', 'the path is lost')
    await pictures(page, 'key-refused')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    assert((await call(page, 'GET', `project/${project.id}/keys`)).every((each) => each.name !== 'Refused'), 'there is a key')
  })
  await test('a storage that a key names is not deleted', async () => {
    await page.goto(`${base}/project/${project.id}/secret_storages`)
    await page.getByRole('button', { name: 'Delete Company vault' }).click()
    await dialog.getByText('It is used by: Deploys.').waitFor()
    assert(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), 'the button')
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
  })
}

/** No control that would be refused, no request that is. */
async function roles() {
  const user = await call(page, 'POST', 'users', { username: 'storages-kai', name: 'Kai', email: 'kai@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  for (const [role, manages] of [['guest', false], ['task_runner', false], ['manager', true], ['owner', true]]) {
    await test(`a ${role} sees what a ${role} may change of storages`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'storages-kai', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      await own.goto(`${base}/project/${project.id}/secret_storages`)
      await own.getByRole('row', { name: /Company vault/ }).waitFor()
      for (const name of ['New storage', 'Change Company vault', 'Delete Company vault']) {
        assert((await own.getByRole('button', { name }).count()) === (manages ? 1 : 0), name)
      }
      await own.waitForLoadState('networkidle')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
  await call(page, 'DELETE', `users/${user.id}`)
}

async function removal() {
  await test('a storage is deleted when no key names it any more', async () => {
    const key = (await call(page, 'GET', `project/${project.id}/keys`)).find((each) => each.name === 'Deploys')
    await call(page, 'DELETE', `project/${project.id}/keys/${key.id}`)
    await page.goto(`${base}/project/${project.id}/secret_storages`)
    await page.getByRole('button', { name: 'Delete Company vault' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No secret storages yet' }).waitFor()
    assert((await list()).length === 0, 'it is still there')
  })
}
