// The browser test of roles that somebody made: of a project, of all projects, and what they may do with single templates.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, test } from './browser.mjs'
import { base, call, choose, eventually, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
let project = null
let page = null
let browser = null
let user = null
await scenario('Pages of roles', async (stage) => {
  ;({ project, page, browser } = stage)
  // Left behind by a run that was broken off: a slug is unique on the server.
  for (const slug of ['auditors', 'night_shift', 'only-looks']) await page.context().request.delete(`${base}/api/roles/${slug}`)
  user = await call(page, 'POST', 'users', { username: 'roles-ida', name: 'Ida', email: 'ida@example.com', password: SECRET })
  stage.after(() => call(page, 'DELETE', `users/${user.id}`))
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  const template = await project.template({ name: 'Restart' })
  await project.template({ name: 'Reinstall' })
  await ofProject()
  await ofTemplate(template)
  await inUse(template)
  await global()
  await walk(template)
  await fits(browser, [
    ['roles', `/project/${project.id}/roles`, 'Roles'],
    ['template-permissions', `/project/${project.id}/templates/${template.id}/perms`, 'Restart'],
    ['global-roles', '/roles', 'Administration'],
  ])
  await removal()
})

async function ofProject() {
  const dialog = page.getByRole('dialog')
  const save = () => dialog.getByRole('button', { name: 'Save' }).click()
  await test('a role is made with what it allows', async () => {
    await page.goto(`${base}/project/${project.id}/team`)
    await page.getByRole('navigation', { name: 'Team' }).getByRole('link', { name: 'Roles' }).click()
    await page.getByRole('heading', { name: 'No roles of your own yet' }).waitFor()
    await pictures(page, 'roles-empty')
    await page.getByRole('button', { name: 'New role' }).click()
    await dialog.getByLabel('Name').fill('')
    await save()
    await dialog.getByText('Enter a name.').waitFor()
    await dialog.getByLabel('Name').fill('Night shift')
    assert((await dialog.getByLabel('Slug').inputValue()) === 'night_shift', 'the slug does not follow the name')
    await dialog.getByRole('checkbox', { name: /^Manage members/ }).check()
    await dialog.getByRole('checkbox', { name: /^Run tasks/ }).uncheck()
    await pictures(page, 'role-form')
    await save()
    await page.getByRole('row', { name: /Night shift/ }).getByText('Manage members').waitFor()
    same((await call(page, 'GET', `project/${project.id}/roles/night_shift`)), { name: 'Night shift', permissions: 8, project_id: project.id }, 'the role')
  })
  await test('a slug that is taken is refused in words', async () => {
    await page.getByRole('button', { name: 'New role' }).click()
    await dialog.getByLabel('Name').fill('Another')
    await dialog.getByLabel('Slug').fill('night_shift')
    await save()
    await dialog.getByRole('alert').filter({ hasText: 'A role with this slug exists already' }).waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
  })
  await test('name and rights of a role are changed', async () => {
    await page.getByRole('button', { name: 'Change Night shift' }).click()
    await dialog.getByLabel('Name').fill('Watch')
    for (const name of [/^Manage members/]) await dialog.getByRole('checkbox', { name }).uncheck()
    await save()
    await page.getByRole('row', { name: /Watch/ }).getByText('Looks only').waitFor()
    same(await call(page, 'GET', `project/${project.id}/roles/night_shift`), { name: 'Watch', permissions: 0 }, 'the role')
    await pictures(page, 'roles')
  })
}

async function ofTemplate(template) {
  const given = () => call(page, 'GET', `project/${project.id}/templates/${template.id}/perms`)
  await test('a role may run a single template', async () => {
    await page.goto(`${base}/project/${project.id}/templates/${template.id}`)
    await page.getByRole('navigation', { name: 'Parts of the template' }).getByRole('link', { name: 'Permissions' }).click()
    await page.getByRole('heading', { name: 'No role may do more here' }).waitFor()
    await choose(page, 'Role', 'Watch')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Watch may run it.').waitFor()
    same((await given())[0], { role_slug: 'night_shift', permissions: 1 }, 'the permission')
    await page.getByRole('checkbox', { name: 'Watch: Change it' }).check()
    await page.getByText('The permissions are saved.').waitFor()
    same((await given())[0], { permissions: 5 }, 'the permission')
    await pictures(page, 'template-permissions')
  })
  await test('a refused change is taken back', async () => {
    await page.route('**/perms/*', (route) => (route.request().method() === 'PUT' ? route.fulfill({ status: 409, body: '{"error":"not now"}' }) : route.fallback()))
    await page.getByRole('checkbox', { name: 'Watch: Change it' }).click()
    await page.getByText('The permissions of Watch are as they were. Not now.').waitFor()
    assert(await page.getByRole('checkbox', { name: 'Watch: Change it' }).isChecked(), 'the box is not checked any more')
    await page.unroute('**/perms/*')
    await page.getByRole('checkbox', { name: 'Watch: Change it' }).uncheck()
    await eventually(async () => (await given())[0].permissions === 1, 'the change is stored')
  })
}

/** Somebody with the role runs that template, and no other one. */
async function inUse(template) {
  await test('who has the role runs that template and no other', async () => {
    await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role: 'night_shift' })
    const own = await visit(browser, { user: 'roles-ida', secret: SECRET })
    const refused = []
    own.on('response', (response) => {
      if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
    })
    await own.goto(`${base}/project/${project.id}/templates`)
    await own.getByRole('button', { name: 'Run Restart' }).waitFor()
    assert((await own.getByRole('button', { name: 'Run Reinstall' }).count()) === 0, 'the other one is offered')
    assert((await own.getByRole('button', { name: 'More for Restart' }).count()) === 0, 'a change is offered')
    await own.getByRole('link', { name: 'Restart', exact: true }).click()
    await own.getByRole('button', { name: 'Run', exact: true }).click()
    await own.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await own.getByRole('heading', { name: /^Restart #/ }).waitFor()
    await own.getByRole('button', { name: 'Run again' }).waitFor()
    await own.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Team' }).click()
    await own.getByRole('row', { name: /Ida/ }).getByText('Watch').waitFor()
    await own.waitForLoadState('networkidle')
    assert(refused.length === 0, refused.join(', '))
    await own.context().close()
    assert((await call(page, 'GET', `project/${project.id}/templates/${template.id}/tasks`)).length === 1, 'there is no task')
  })
  await test('a role that somebody has stays', async () => {
    await page.goto(`${base}/project/${project.id}/roles`)
    await page.getByRole('button', { name: 'Delete Watch' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('alert').filter({ hasText: 'The role is that of 1 member(s)' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  })
}

async function global() {
  const dialog = page.getByRole('dialog')
  await test('an administrator makes roles of all projects', async () => {
    await page.goto(`${base}/users`)
    await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: 'Roles' }).click()
    await page.getByRole('button', { name: 'New role' }).first().click()
    await dialog.getByLabel('Name').fill('Auditors')
    await dialog.getByLabel('Slug').fill('only-looks')
    for (const name of [/^Run tasks/]) await dialog.getByRole('checkbox', { name }).uncheck()
    await dialog.getByRole('checkbox', { name: /^Manage the project/ }).check()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /Auditors/ }).getByText('Manage the project').waitFor()
    same(await call(page, 'GET', 'roles/only-looks'), { name: 'Auditors', permissions: 2, project_id: null }, 'the role')
    await pictures(page, 'global-roles')
  })
  await test('a role of all projects is seen in a project, and changed by administrators only', async () => {
    await page.goto(`${base}/project/${project.id}/roles`)
    await page.getByRole('row', { name: /Auditors/ }).getByText('of all projects').waitFor()
    assert((await page.getByRole('button', { name: 'Change Auditors' }).count()) === 0, 'a change is offered')
    await page.goto(`${base}/project/${project.id}/team`)
    await choose(page, 'Role of Ida', /^Auditors/)
    await page.getByText('Ida is auditors now.').waitFor()
    await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role: 'guest' })
    await page.goto(`${base}/roles`)
    await page.getByRole('button', { name: 'Delete Auditors' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /Auditors/ }).waitFor({ state: 'detached' })
  })
}

/** No control that would be refused, no request that is. */
async function walk(template) {
  await call(page, 'POST', `project/${project.id}/roles`, { slug: 'auditors', name: 'Deputies', permissions: 8 })
  for (const [role, may] of [['guest', ''], ['task_runner', 'run'], ['manager', 'run manage'], ['owner', 'run manage team']]) {
    await test(`a ${role} changes the roles that a ${role} may`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'roles-ida', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      const sees = async (name, wanted) => assert((await own.getByRole('button', { name }).count()) === (wanted ? 1 : 0), `${name} is ${wanted ? 'not ' : ''}shown`)
      await own.goto(`${base}/project/${project.id}/roles`)
      await own.getByRole('row', { name: /Watch/ }).waitFor()
      await sees('New role', may.includes('manage'))
      await sees('Change Watch', may.includes('manage'))
      // A manager has not the right to manage members, so may not touch a role that has it.
      await sees('Change Deputies', may.includes('team'))
      if (may.includes('manage')) {
        await own.getByRole('button', { name: 'Change Watch' }).click()
        const members = own.getByRole('dialog').getByRole('checkbox', { name: /^Manage members/ })
        assert((await members.isDisabled()) === !may.includes('team'), 'a right that is not the own one is offered')
        await own.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
        await own.getByText('The role Watch is saved.').waitFor()
      }
      await own.goto(`${base}/project/${project.id}/templates/${template.id}/perms`)
      await own.getByRole('row', { name: /Watch/ }).waitFor()
      await sees('Take away from Watch', may.includes('manage'))
      assert((await own.getByRole('checkbox', { name: 'Watch: Run it' }).isDisabled()) === !may.includes('manage'), 'the box')
      await own.waitForLoadState('networkidle')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
}

async function removal() {
  await test('a role is taken from a template and deleted', async () => {
    const [template] = (await call(page, 'GET', `project/${project.id}/templates`)).filter((each) => each.name === 'Restart')
    await page.goto(`${base}/project/${project.id}/templates/${template.id}/perms`)
    await page.getByRole('button', { name: 'Take away from Watch' }).click()
    await page.getByRole('heading', { name: 'No role may do more here' }).waitFor()
    await page.goto(`${base}/project/${project.id}/roles`)
    for (const name of ['Watch', 'Deputies']) {
      await page.getByRole('button', { name: `Delete ${name}` }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('row', { name }).waitFor({ state: 'detached' })
    }
    assert((await call(page, 'GET', `project/${project.id}/roles`)).length === 0, 'a role is left')
  })
}
