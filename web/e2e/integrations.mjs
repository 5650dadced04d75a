// The browser test of integrations: made, changed, with rules, values and addresses; a request from outside starts a task.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, consoleErrors, finish, launch, picture, test } from './browser.mjs'
import { base, call, choose, fits, furnished, pictures, same, visit } from './visit.mjs'

const browser = await launch()
try {
  const page = await visit(browser)
  const project = await furnished(page, 'Pages of integrations')
  const template = await project.template({ name: 'Rebuild' })
  const other = await project.template({ name: 'Other' })
  const of = `project/${project.id}/integrations`
  const dialog = page.getByRole('dialog')
  const fill = async (fields) => {
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label, { exact: true }).fill(value)
  }
  const save = () => dialog.getByRole('button', { name: 'Save' }).click()

  await test('an integration is made', async () => {
    await page.goto(`${base}/project/${project.id}/integrations`)
    await page.getByRole('heading', { name: 'No integrations yet' }).waitFor()
    await page.getByRole('button', { name: 'New integration' }).click()
    await save()
    await dialog.getByText('Choose a template.').waitFor()
    await fill({ Name: 'Pushes' })
    await choose(dialog, 'Template', 'Rebuild')
    await choose(dialog, 'The sender proves itself by', 'Token in a header')
    await save()
    await dialog.getByText('Choose the key that holds the secret.').waitFor()
    await picture(page, 'integration-refused')
    await choose(dialog, 'Key with the secret', 'Vault password')
    await fill({ Header: 'X-Token', Message: 'A push' })
    await dialog.getByRole('checkbox', { name: 'Listens at the addresses of the project too' }).uncheck()
    await pictures(page, 'integration-form')
    await save()
    await page.getByRole('link', { name: 'Pushes' }).waitFor()
    const [made] = await call(page, 'GET', of)
    const stored = await call(page, 'GET', `${of}/${made.id}`)
    same(stored, { name: 'Pushes', template_id: template.id, auth_method: 'token', auth_header: 'X-Token', searchable: false }, 'the integration')
    same(stored.task_params, { message: 'A push' }, 'what its tasks use')
  })
  await test('every field is changed', async () => {
    await page.getByRole('button', { name: 'Change Pushes' }).click()
    await page.waitForFunction(() => document.querySelector('[role=dialog] input')?.value === 'Pushes')
    await fill({ Name: 'Merges' })
    await choose(dialog, 'Template', 'Other')
    await choose(dialog, 'The sender proves itself by', 'Nothing: who knows the address may')
    await dialog.getByRole('checkbox', { name: 'Listens at the addresses of the project too' }).check()
    await save()
    await page.getByRole('link', { name: 'Merges' }).waitFor()
    const [stored] = await call(page, 'GET', of)
    same(stored, { name: 'Merges', template_id: other.id, auth_method: '', auth_secret_id: null, auth_header: '', searchable: true }, 'the integration')
    await pictures(page, 'integrations')
  })
  const [integration] = await call(page, 'GET', of)
  await test('rules and values are made and changed', async () => {
    await page.getByRole('link', { name: 'Merges' }).click()
    await page.getByRole('heading', { name: 'Merges' }).waitFor()
    await page.getByRole('button', { name: 'New rule' }).click()
    await save()
    await dialog.getByText('Enter where it is.').waitFor()
    await fill({ Name: 'Branch', Key: 'ref', Value: 'main' })
    await choose(dialog, 'Comparison', 'contains')
    await save()
    await page.getByText('Body ref contains main').waitFor()
    await page.getByRole('button', { name: 'Change Branch' }).click()
    await fill({ Value: 'stable' })
    await save()
    await page.getByText('Body ref contains stable').waitFor()
    same((await call(page, 'GET', `${of}/${integration.id}/matchers`))[0], { name: 'Branch', match_type: 'body', method: 'contains', body_data_type: 'json', key: 'ref', value: 'stable' }, 'the rule')
    await page.getByRole('button', { name: 'New value' }).click()
    await choose(dialog, 'Take from', 'Header')
    await fill({ Name: 'Commit', Header: 'X-Commit', Variable: 'commit' })
    await save()
    await page.getByText('Header X-Commit → commit').waitFor()
    same((await call(page, 'GET', `${of}/${integration.id}/values`))[0], { name: 'Commit', value_source: 'header', key: 'X-Commit', variable: 'commit', variable_type: 'environment' }, 'the value')
  })
  await test('a request to its address starts a task, another one does not', async () => {
    await page.getByRole('button', { name: 'Add an address' }).click()
    const address = new URL(await page.locator('.aliases code').innerText())
    await pictures(page, 'integration')
    const send = (ref) => page.context().request.post(`${base}${address.pathname}`, { data: { ref }, headers: { 'X-Commit': 'abc' } })
    await send('refs/heads/other')
    await send('refs/heads/stable')
    await page.waitForFunction(async (path) => (await (await fetch(path)).json()).length > 0, new URL(`${base}/api/project/${project.id}/tasks`).pathname)
    const tasks = await call(page, 'GET', `project/${project.id}/tasks`)
    assert(tasks.length === 1 && tasks[0].integration_id === integration.id, `${tasks.length} tasks`)
    assert(JSON.parse(tasks[0].environment ?? '{}').commit === 'abc', `the variables are ${tasks[0].environment}`)
  })
  await test('address, rule, value and integration are deleted', async () => {
    for (const name of ['the address', 'Branch', 'Commit']) {
      await page.getByRole('button', { name: `Delete ${name}` }).click()
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('button', { name: `Delete ${name}` }).waitFor({ state: 'detached' })
    }
    await page.getByRole('link', { name: 'Integrations' }).first().click()
    await page.getByRole('button', { name: 'Delete Merges' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No integrations yet' }).waitFor()
    assert((await call(page, 'GET', of)).length === 0, 'it is still there')
  })
  await fits(browser, [['integrations', `/project/${project.id}/integrations`, 'Integrations']])
  await project.remove()
  await test('no error in the console', async () => {
    assert(consoleErrors.length === 0, consoleErrors.slice(0, 5).join(' | '))
  })
} catch (error) {
  await test('the scenario goes on to its end', () => Promise.reject(error))
} finally {
  await browser.close()
}
finish()
