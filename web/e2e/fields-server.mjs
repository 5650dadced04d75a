// The browser test of every field of the forms about people and the server: accounts, roles, members, invitations, runners, apps, options.
// As fields.mjs.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { test } from './browser.mjs'
import { left, once, saveDialog, secret, seen, to, walk } from './form.mjs'
import { base, call, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const ALLOWS = [
  ['Run tasks Start, stop, confirm and reject them', 1],
  ['Manage resources Change templates, schedules, keys, inventories and the like', 4],
  ['Manage members Add and remove people, and give them roles', 8],
  ['Manage the project Change its settings, and delete it', 2],
]
let browser = null
let page = null
let project = null
let other = null
await scenario('Fields of a server', async (stage) => {
  ;({ browser, page, project } = stage)
  other = await visit(browser)
  await accounts()
  await profile()
  await roles()
  await team()
  await runners()
  await apps()
  await options()
  await projects()
})

/** A page whose forms are opened by its buttons. */
function buttons(path, make, names) {
  const press = (name) => async (page) => {
    await page.goto(`${base}/${path}`)
    await page.getByRole('button', { name, exact: true }).first().click()
  }
  return { fresh: press(make), open: press(new RegExp(`^Change (${names.join('|')})$`)) }
}

function locked(planned) {
  return { ...planned, locked: true }
}

async function accounts() {
  const elsewhere = 'Signs in elsewhere (LDAP or OpenID Connect)'
  const find = (logins) => async () => (await call(page, 'GET', 'users')).find((user) => logins.includes(user.username))
  const fields = (name, login, admin, alert) => ({
    Name: to('name', name), 'User name': to('username', login), 'E-mail': to('email', `${login}@example.com`), 'Administrator of the server': to('admin', admin), 'Gets alerts by e-mail': to('alert', alert),
  })
  await walk(page, other, {
    name: 'account',
    ...buttons('users', 'New user', ['Walter', 'Wanda']),
    answer: find(['walter', 'wanda']),
    plans: [
      { ...fields('Walter', 'walter', true, true), Password: once(secret(SECRET)), [elsewhere]: once(left(to('external', false), 'the next account has it')), 'New password': { value: '', later: true } },
      { ...fields('Wanda', 'wanda', false, false), 'New password': secret(`${SECRET}-new`) },
    ],
  })
  await call(page, 'DELETE', `users/${(await find(['walter', 'wanda'])()).id}`)
  await walk(page, other, {
    name: 'account that signs in elsewhere',
    ...buttons('users', 'New user', ['Elsa', 'Elias']),
    answer: find(['elsa']),
    plans: [
      { ...fields('Elsa', 'elsa', true, true), Password: once(secret('not kept')), [elsewhere]: once(to('external', true)) },
      { ...fields('Elias', 'elsa', false, false), 'User name': locked(to('username', 'elsa')), 'E-mail': to('email', 'elias@example.com') },
    ],
  })
  await call(page, 'DELETE', `users/${(await find(['elsa'])()).id}`)
}

async function profile() {
  const user = await call(page, 'POST', 'users', { username: 'fields-own', name: 'Own', email: 'fields-own@example.com', password: SECRET })
  const [own, elsewhere] = [await visit(browser, { user: 'fields-own', secret: SECRET }), await visit(browser, { user: 'fields-own', secret: SECRET })]
  const fields = (number, alert) => ({ Name: to('name', `Own ${number}`), 'User name': to('username', `fields-own-${number}`), 'E-mail': to('email', `own${number}@example.com`), 'Send me alerts of my projects': to('alert', alert) })
  await walk(own, elsewhere, {
    name: 'own account',
    open: (page) => page.goto(`${base}/account`),
    scope: (page) => page.locator('form').filter({ has: page.getByRole('heading', { name: 'Profile', exact: true }) }),
    save: async (page, form) => {
      await form.getByRole('button', { name: 'Save the profile' }).click()
      await page.getByText('Your account is saved.').waitFor()
    },
    answer: () => call(page, 'GET', `users/${user.id}`),
    plans: [fields(1, true), fields(2, false)],
  })
  await own.context().close()
  await elsewhere.context().close()
  await call(page, 'DELETE', `users/${user.id}`)
}

async function roles() {
  // The first box is on in a new role.
  const allows = (on) => Object.fromEntries(ALLOWS.map(([title, bit]) => [title, to(`allows.${bit}`, bit === 1 ? !on : on)]))
  const answer = async (path, slug) => {
    const role = (await call(page, 'GET', path)).find((each) => each.slug === slug)
    return { ...role, allows: Object.fromEntries(ALLOWS.map(([, bit]) => [bit, (role.permissions & bit) !== 0])) }
  }
  for (const [name, path, api] of [['role of all projects', 'roles', 'roles'], ['role of a project', `project/${project.id}/roles`, `project/${project.id}/roles`]]) {
    const slug = `fields_${path === 'roles' ? 'all' : 'one'}`
    await walk(page, other, {
      name,
      ...buttons(path, 'New role', ['Watchers', 'Guards']),
      answer: () => answer(api, slug),
      plans: [
        { Name: to('name', 'Watchers'), Slug: to('slug', slug), ...allows(true) },
        { Name: to('name', 'Guards'), Slug: locked(to('slug', slug)), ...allows(false) },
      ],
    })
    await call(page, 'DELETE', `${api}/${slug}`)
  }
}

async function team() {
  const user = await call(page, 'POST', 'users', { username: 'fields-mate', name: 'Mate', email: 'fields-mate@example.com', password: SECRET })
  await walk(page, other, {
    name: 'member',
    fresh: buttons(`project/${project.id}/team`, 'Add a member', []).fresh,
    save: (page, dialog) => saveDialog(page, dialog, 'Add'),
    answer: async () => (await call(page, 'GET', `project/${project.id}/users`)).find((member) => member.id === user.id),
    plans: [{ Person: to('id', 'Mate (fields-mate)', user.id), Role: to('role', 'Manager', 'manager') }],
  })
  await test('member: somebody else sees the role', async () => {
    await other.goto(`${base}/project/${project.id}/team`)
    await other.getByRole('row', { name: /Mate/ }).getByText('Manager').waitFor()
    await call(page, 'DELETE', `project/${project.id}/users/${user.id}`)
  })
  const ends = Date.now() + 3 * 86_400_000
  await walk(page, other, {
    name: 'invitation',
    fresh: buttons(`project/${project.id}/invites`, 'Invite somebody', []).fresh,
    save: (page, dialog) => saveDialog(page, dialog, 'Invite'),
    answer: async () => {
      const [invite] = await call(page, 'GET', `project/${project.id}/invites`)
      return { ...invite, lasts: Math.abs(Date.parse(invite.expires_at) - ends) < 600_000 }
    },
    plans: [{ 'User name': to('user_id', 'fields-mate', user.id), Role: to('role', 'Guest', 'guest'), 'Valid for days': to('lasts', '3', true) }],
  })
  await test('invitation: somebody else sees it', async () => {
    await other.goto(`${base}/project/${project.id}/invites`)
    await other.getByRole('row', { name: /Mate/ }).getByText('Guest').waitFor()
  })
  await call(page, 'DELETE', `users/${user.id}`)
}

async function runners() {
  for (const [name, path, api] of [['runner', 'runners', 'runners'], ['runner of a project', `project/${project.id}/runners`, `project/${project.id}/runners`]]) {
    const find = async () => (await call(page, 'GET', api)).find((runner) => ['Cellar', 'Attic'].includes(runner.name))
    const fields = (name, number, active) => ({ Name: to('name', name), Tag: to('tag', `tag${number}`), 'Tasks at the same time': to('max_parallel_tasks', `${number}`, number), 'Address to wake it': to('webhook', `http://127.0.0.1:9/${number}`), Active: to('active', active) })
    await walk(page, other, { name, ...buttons(path, 'New runner', ['Cellar', 'Attic']), answer: find, plans: [fields('Cellar', 2, false), fields('Attic', 4, true)] })
    await call(page, 'DELETE', `runners/${(await find()).id}`)
  }
}

async function apps() {
  const fields = (name, number, active) => ({ Name: to('title', name), Program: to('path', `/opt/ruby${number}`), 'Arguments before the script': to('args', `-v\n-I${number}`, ['-v', `-I${number}`]), 'Place in lists': to('priority', `${number}`, number), Active: to('active', active) })
  const id = to('id', 'fields_ruby')
  await walk(page, other, {
    name: 'app',
    ...buttons('apps', 'New app', ['Ruby', 'Ruby 3']),
    answer: async () => (await call(page, 'GET', 'apps')).find((app) => app.id === 'fields_ruby'),
    plans: [{ Id: id, ...fields('Ruby', 650, false) }, { Id: locked(id), ...fields('Ruby 3', 10, true) }],
  })
  await call(page, 'DELETE', 'apps/fields_ruby')
}

async function options() {
  const name = 'fields.test'
  await walk(page, other, {
    name: 'option',
    ...buttons('system', 'New option', [name]),
    answer: async () => ({ value: (await call(page, 'GET', 'options'))[name] }),
    plans: [{ Name: seen(name), Value: to('value', 'one') }, { Name: locked(seen(name)), Value: to('value', 'two') }],
  })
}

async function projects() {
  const find = async () => (await call(page, 'GET', 'projects')).find((each) => each.name === 'Fields of a new project')
  await walk(page, other, {
    name: 'project',
    fresh: buttons('projects', 'New project', []).fresh,
    save: async (page, dialog) => {
      await saveDialog(page, dialog, 'Create')
      await page.waitForURL(/\/project\/\d+/)
    },
    answer: find,
    plans: [{ Name: to('name', 'Fields of a new project') }],
  })
  const made = await find()
  if (made) await call(page, 'DELETE', `project/${made.id}`)
}
