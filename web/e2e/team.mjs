// The browser test of a project's people and settings: members, roles, invitations, leaving, settings, activity; and what each role sees.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, picture, test } from './browser.mjs'
import { base, call, choose, fits, furnished, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const users = []
let browser = null
await scenario(null, async (stage) => {
  ;({ browser } = stage)
  const { page } = stage
  const project = await furnished(page, 'Pages of a team')
  for (const name of ['Berta', 'Gustav', 'Rosa']) {
    users.push(await call(page, 'POST', 'users', { username: `team-${name.toLowerCase()}`, name, email: `${name.toLowerCase()}@example.com`, password: SECRET }))
  }
  await members(page, project)
  await invitations(page, project)
  await settings(page, project)
  await roles(page, project)
  await fits(browser, [
    ['team', `/project/${project.id}/team`, 'Team'],
    ['activity', `/project/${project.id}/activity`, 'Activity'],
    ['project-settings', `/project/${project.id}/settings`, 'Settings'],
  ])
  await removal(page, project)
  for (const user of users) await call(page, 'DELETE', `users/${user.id}`)
})

async function members(page, project) {
  const list = () => call(page, 'GET', `project/${project.id}/users`)
  await test('a member is added with a role', async () => {
    await page.goto(`${base}/project/${project.id}/team`)
    await page.getByRole('button', { name: 'Add a member' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await dialog.getByText('Choose a person.').waitFor()
    await dialog.getByRole('combobox', { name: 'Person' }).fill('Bert')
    await page.getByRole('option', { name: 'Berta (team-berta)' }).click()
    await choose(dialog, 'Role', /^Guest/)
    await picture(page, 'team-add')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('row', { name: /Berta/ }).waitFor()
    same((await list()).find((each) => each.name === 'Berta'), { role: 'guest' }, 'the member')
  })
  await test('a role is changed in the list, and stays when the server refuses', async () => {
    await choose(page, 'Role of Berta', /^Manager/)
    await page.getByText('Berta is manager now.').waitFor()
    same((await list()).find((each) => each.name === 'Berta'), { role: 'manager' }, 'the member')
    await page.route('**/users/*', (route) => (route.request().method() === 'PUT' ? route.fulfill({ status: 409, body: '{"error":"not now"}' }) : route.fallback()))
    await choose(page, 'Role of Berta', /^Owner/)
    await page.getByText('The role of Berta is as it was. Not now.').waitFor()
    await page.unroute('**/users/*')
    await page.getByRole('row', { name: /Berta/ }).getByText('Manager').waitFor()
    await pictures(page, 'team')
  })
  await test('a member is removed', async () => {
    await page.getByRole('button', { name: 'Remove Berta' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('row', { name: /Berta/ }).waitFor({ state: 'detached' })
    assert((await list()).length === 1, 'still a member')
  })
}

async function invitations(page, project) {
  const list = () => call(page, 'GET', `project/${project.id}/invites`)
  await test('somebody is invited, the link is shown once', async () => {
    await page.getByRole('link', { name: 'Invitations' }).click()
    await page.getByRole('heading', { name: 'No invitations' }).waitFor()
    await page.getByRole('button', { name: 'Invite somebody' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click()
    await dialog.getByText('Enter who is invited.').waitFor()
    await dialog.getByRole('textbox', { name: /^User name/ }).fill('team-rosa')
    await choose(dialog, 'Role', /^Task runner/)
    await dialog.getByLabel('Valid for days').fill('3')
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click()
    await page.getByText('The link for team-rosa.').waitFor()
    await pictures(page, 'invites')
    const [stored] = await list()
    same(stored, { role: 'task_runner', status: 'pending' }, 'the invitation')
    const days = (Date.parse(stored.expires_at) - Date.now()) / 86_400_000
    assert(days > 2.9 && days < 3.1, `it lasts ${days} days`)
  })
  await test('an invitation is sent again, and its new link is accepted', async () => {
    const link = page.locator('.whole code')
    const before = await link.innerText()
    const [old] = await list()
    await page.getByRole('button', { name: 'Invite Rosa again' }).click()
    await page.waitForFunction((text) => document.querySelector('.whole code')?.textContent !== text, before)
    const [stored] = await list()
    assert(stored.id !== old.id, 'it is the same invitation')
    const rosa = await visit(browser, { user: 'team-rosa', secret: SECRET })
    await rosa.goto(`${base}${new URL(await link.innerText()).pathname}`)
    await rosa.getByRole('button').filter({ hasText: /Accept|Join/ }).or(rosa.getByRole('heading', { name: 'Templates', exact: true })).first().waitFor()
    const button = rosa.getByRole('button').filter({ hasText: /Accept|Join/ })
    if ((await button.count()) > 0) await button.first().click()
    await rosa.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    await rosa.context().close()
    same((await call(page, 'GET', `project/${project.id}/users`)).find((each) => each.name === 'Rosa'), { role: 'task_runner' }, 'the member')
  })
  await test('an invitation is deleted', async () => {
    await call(page, 'POST', `project/${project.id}/invites`, { user_id: users[1].id, role: 'guest' })
    await page.reload()
    await page.getByRole('button', { name: 'Delete the invitation of Gustav' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('row', { name: /Gustav/ }).waitFor({ state: 'detached' })
    assert((await list()).every((each) => each.user_id !== users[1].id), 'it is still there')
  })
}

async function settings(page, project) {
  await test('every field of the project is changed', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByLabel('Name of the project').fill('')
    await page.getByRole('button', { name: 'Save the project' }).click()
    await page.getByText('Enter a name.').waitFor()
    await page.getByLabel('Name of the project').fill('Renamed')
    await page.getByLabel('Tasks at the same time').fill('3')
    await page.getByRole('checkbox', { name: /^Send alerts/ }).check()
    await page.getByLabel('Telegram chat for the alerts').fill('-100')
    await page.getByRole('button', { name: 'Save the project' }).click()
    await page.getByText('The project is saved.').waitFor()
    await page.locator('.bar').getByText('Renamed').waitFor()
    await page.getByRole('heading', { name: 'Host keys' }).waitFor()
    await pictures(page, 'project-settings')
    same(await call(page, 'GET', `project/${project.id}`), { name: 'Renamed', alert: true, alert_chat: '-100', max_parallel_tasks: 3 }, 'the project')
    await page.getByRole('button', { name: 'Clear the cache' }).click()
    await page.getByText('The cache is empty.').waitFor()
  })
  await test('the activity tells who did what', async () => {
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Activity' }).click()
    await page.getByRole('heading', { name: 'Activity', exact: true }).waitFor()
    await page.getByText('Project created').waitFor()
    await page.getByText(`User ID ${users[0].id} removed from team`).first().waitFor()
    await pictures(page, 'activity')
  })
}

/** The areas as each role sees them: no control that would be refused, no request that is. */
async function roles(page, project) {
  const template = await project.template({ name: 'Seen by all' })
  await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: template.id, name: 'Nightly', cron_format: '0 3 * * *', active: true })
  const [, gustav] = users
  await call(page, 'POST', `project/${project.id}/users`, { user_id: gustav.id, role: 'guest' })
  for (const [role, may] of [['guest', ''], ['task_runner', 'run'], ['manager', 'run manage'], ['owner', 'run manage team']]) {
    await test(`a ${role} sees what a ${role} may`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${gustav.id}`, { role })
      const own = await visit(browser, { user: 'team-gustav', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      const sees = async (name, wanted) => {
        const count = await own.getByRole('button', { name }).or(own.getByRole('link', { name })).count()
        assert(wanted === count > 0, `${name} is ${count > 0 ? '' : 'not '}shown`)
      }
      const open = async (path, text) => {
        await own.goto(`${base}/project/${project.id}/${path}`)
        await own.getByRole('main').getByText(text, { exact: true }).first().waitFor()
        await own.waitForLoadState('networkidle')
      }
      await open('templates', 'Seen by all')
      await sees('Run Seen by all', may.includes('run'))
      await sees('New template', may.includes('manage'))
      await sees('More for Seen by all', may.includes('manage'))
      await open(`templates/${template.id}`, 'Seen by all')
      await sees('Change the template', may.includes('manage'))
      await open('schedule', 'Nightly')
      await sees('New schedule', may.includes('manage'))
      await sees('Delete Nightly', may.includes('manage'))
      for (const [path, text, button] of [['keys', 'Nothing', 'New key'], ['repositories', 'Code', 'New repository'], ['inventory', 'Hosts', 'New inventory'], ['environment', 'Settings', 'New variable group']]) {
        await open(path, text)
        await sees(button, may.includes('manage'))
      }
      await open('team', 'Gustav')
      await sees('Add a member', may.includes('team'))
      await sees('Invitations', may.includes('team'))
      await sees('Leave the project', role !== 'owner')
      await open('activity', 'Project created')
      await open('settings', 'Host keys')
      await sees('Save the project', may.includes('team'))
      await sees('Clear the cache', may.includes('manage'))
      await sees('Delete the project', may.includes('team'))
      if (role === 'guest') await pictures(own, 'settings-guest')
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
  await test('a member leaves the project', async () => {
    await call(page, 'PUT', `project/${project.id}/users/${gustav.id}`, { role: 'guest' })
    const own = await visit(browser, { user: 'team-gustav', secret: SECRET })
    await own.goto(`${base}/project/${project.id}/team`)
    await own.getByRole('button', { name: 'Leave the project' }).click()
    await own.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
    await own.getByRole('heading', { name: 'No projects yet' }).waitFor()
    await own.context().close()
  })
}

async function removal(page, project) {
  await test('a project is deleted by somebody who types its name', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByRole('button', { name: 'Delete the project' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Type the name of the project').fill('Something else')
    await dialog.getByRole('button', { name: 'Delete the project' }).click()
    await dialog.getByText('This is not the name of the project.').waitFor()
    await picture(page, 'project-delete')
    await dialog.getByLabel('Type the name of the project').fill('Renamed')
    await dialog.getByRole('button', { name: 'Delete the project' }).click()
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
    assert((await call(page, 'GET', 'projects')).every((each) => each.id !== project.id), 'it is still there')
  })
}
