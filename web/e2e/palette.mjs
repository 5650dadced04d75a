// The browser test of the command palette and of the keys that work on every page, with the keyboard alone.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, picture, test } from './browser.mjs'
import { base, call, pictures, scenario, theme, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
const NAME = 'Pages of keys'
let browser = null
let page = null
let project = null
let user = null
await scenario(NAME, async (stage) => {
  ;({ browser, page, project } = stage)
  stage.after(() => user && call(page, 'DELETE', `users/${user.id}`))
  for (const name of ['Deploy the shop', 'Back up the database', ...Array.from({ length: 8 }, (_each, index) => `Node ${index + 1}`)]) await project.template({ name })
  await palette()
  await keys()
  await roles()
  await early()
  await narrow()
})

/** Opens the palette of a page and gives its field and list. */
async function opened(of = page) {
  await of.keyboard.press('Control+k')
  const field = of.getByRole('combobox', { name: 'Find a page, template or project' })
  await field.waitFor()
  const list = of.getByRole('listbox', { name: 'Found' })
  return { field, options: list.getByRole('option'), list }
}

async function chosen(of = page) {
  return (await of.getByRole('option', { selected: true }).locator('.name').innerText()).trim()
}

async function palette() {
  await test('Ctrl K finds a template by a few letters, and Enter opens it', async () => {
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    const { field, list } = await opened()
    await list.getByRole('option', { name: /^Templates/ }).waitFor()
    await pictures(page, 'palette')
    assert(await field.evaluate((each) => each === document.activeElement), 'the field has no focus')
    await field.fill('bckdb')
    assert((await chosen()) === 'Back up the database', `${await chosen()} is the best`)
    await page.keyboard.press('ArrowDown')
    assert((await chosen()) === 'Run Back up the database', `${await chosen()} is next`)
    await page.keyboard.press('ArrowUp')
    const active = await field.getAttribute('aria-activedescendant')
    assert((await page.locator(`#${active}`).getAttribute('aria-selected')) === 'true', 'the active one is another one')
    await pictures(page, 'palette-found')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Back up the database' }).waitFor()
    await page.getByRole('listbox', { name: 'Found' }).waitFor({ state: 'detached' })
  })
  await test('what was opened last is offered first', async () => {
    await page.keyboard.press('Control+k')
    await page.getByRole('option', { name: /Templates/ }).first().waitFor()
    assert((await chosen()) !== 'Back up the database', 'the open page is offered')
    await page.keyboard.press('Escape')
    await page.getByRole('listbox', { name: 'Found' }).waitFor({ state: 'detached' })
    await page.goto(`${base}/project/${project.id}/history`)
    await page.getByRole('heading', { name: 'History', level: 1 }).waitFor()
    const { list } = await opened()
    await list.getByRole('group', { name: 'Recent' }).getByRole('option', { name: /Back up the database/ }).waitFor()
    assert((await chosen()) === 'Run Back up the database' || (await chosen()) === 'Back up the database', `${await chosen()} is first`)
    await page.keyboard.press('Escape')
  })
  await test('a template is run from anywhere in the project', async () => {
    await page.goto(`${base}/project/${project.id}/keys`)
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
    const { field } = await opened()
    await field.fill('run shop')
    await page.getByRole('option', { name: /^Run Deploy the shop/ }).waitFor()
    assert((await chosen()) === 'Run Deploy the shop', `${await chosen()} is the best`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('heading', { name: 'Run: Deploy the shop' }).waitFor()
    await page.getByRole('dialog').getByLabel('Message').waitFor()
    // A second dialog over the form would lose what is typed into it.
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
    assert((await page.getByRole('listbox', { name: 'Found' }).count()) === 0, 'the palette lies over the form')
  })
  await test('nothing is called so', async () => {
    const { field, options } = await opened()
    await field.fill('zzz qqq')
    await page.getByText('Nothing is called “zzz qqq”.').waitFor()
    assert((await options.count()) === 0, 'something is offered')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
  })
  await test('another project and an administration page are found, and the button opens it too', async () => {
    await page.getByRole('button', { name: 'Search and commands' }).click()
    await page.getByRole('combobox', { name: 'Find a page, template or project' }).fill('running tasks')
    await page.getByRole('option', { name: /^Running tasks/ }).click()
    await page.getByRole('heading', { name: 'Administration', exact: true }).waitFor()
    const { field } = await opened()
    await field.fill(NAME)
    await page.getByRole('option', { name: new RegExp(`^${NAME}`) }).first().waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/project/${project.id}/templates$`))
  })
}

async function keys() {
  await test('keys lead from page to page', async () => {
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    await page.keyboard.press('?')
    const dialog = page.getByRole('dialog').filter({ hasText: 'Single keys do something' })
    await dialog.getByText('Variable groups').waitFor()
    await pictures(page, 'keys-list')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    for (const [key, heading] of [['h', 'History'], ['m', 'Team'], ['i', 'Inventories'], ['l', 'Launcher'], ['t', 'Templates']]) {
      await page.keyboard.press('g')
      await page.keyboard.press(key)
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    }
    const search = page.getByRole('searchbox', { name: 'Search' })
    await search.waitFor()
    await page.keyboard.press('/')
    assert(await search.evaluate((field) => field === document.activeElement), 'the search has no focus')
  })
  await test('no key means anything while somebody types', async () => {
    await page.keyboard.type('g h?/')
    assert((await page.getByRole('searchbox', { name: 'Search' }).inputValue()) === 'g h?/', 'a key is lost')
    assert(page.url().includes('/templates'), page.url())
    assert((await page.getByRole('dialog').count()) === 0, 'a dialog is open')
    await page.goto(`${base}/project/${project.id}/keys`)
    await page.getByRole('button', { name: 'New key' }).click()
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('')
    await page.keyboard.type('g t')
    assert((await page.getByRole('dialog').getByLabel('Name', { exact: true }).inputValue()) === 'g t', 'a key of a form is lost')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).focus()
    await page.keyboard.type('gt')
    assert(page.url().endsWith('/keys'), 'a key led away from a form')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })
  await test('single keys can be switched off, and stay off', async () => {
    await page.goto(`${base}/project/${project.id}/history`)
    await page.getByRole('heading', { name: 'History', level: 1 }).waitFor()
    await page.keyboard.press('?')
    const box = page.getByRole('checkbox', { name: /^Single keys do something/ })
    await box.uncheck()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.reload()
    await page.getByRole('heading', { name: 'History', level: 1 }).waitFor()
    await page.keyboard.type('gt?')
    const { field } = await opened()
    assert(page.url().endsWith('/history'), 'a single key did something')
    await field.press('Escape')
    await page.evaluate(() => localStorage.removeItem('semaphore.keys'))
  })
}

/** Everything that is offered to somebody can be opened: nothing answers 401 or 403. */
async function roles() {
  user = await call(page, 'POST', 'users', { username: 'palette-hugo', name: 'Hugo', email: 'palette-hugo@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  for (const role of ['guest', 'task_runner', 'manager', 'owner']) {
    await test(`a ${role} is offered what a ${role} may`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'palette-hugo', secret: SECRET })
      const refused = []
      own.on('response', (response) => {
        if ([401, 403].includes(response.status())) refused.push(`${response.request().method()} ${response.url()}`)
      })
      await own.goto(`${base}/project/${project.id}/history`)
      await own.getByRole('heading', { name: 'History', level: 1 }).waitFor()
      const { field, list } = await opened(own)
      await list.getByRole('group', { name: 'Template' }).waitFor()
      assert((await list.getByRole('group', { name: 'Run' }).count()) === (role === 'guest' ? 0 : 1), 'what can be run')
      assert((await list.getByRole('group', { name: 'Administration' }).count()) === 0, 'the administration is offered')
      const names = await list.getByRole('option').locator('.name').allInnerTexts()
      assert(names.includes('Launcher') === (role !== 'guest') && names.includes('Invitations') === (role === 'owner'), names.join(', '))
      await field.press('Escape')
      for (const name of names.filter((each) => !each.startsWith('Run '))) {
        const again = await opened(own)
        await again.field.fill(name)
        await own.locator('.hit').filter({ has: own.locator('.name', { hasText: new RegExp(`^${name}$`) }) }).first().click()
        await own.getByRole('heading', { level: 1 }).first().waitFor()
        await own.waitForLoadState('networkidle')
        if (own.url().includes(`/project/${project.id}/`)) continue
        await own.goto(`${base}/project/${project.id}/history`)
        await own.getByRole('heading', { name: 'History', level: 1 }).waitFor()
      }
      assert(refused.length === 0, refused.join(', '))
      await own.context().close()
    })
  }
}

async function early() {
  await test('opened before the project has come, the palette has its templates all the same', async () => {
    const own = await visit(browser)
    let answer = () => {}
    const asked = new Promise((resolve) => (answer = resolve))
    await own.route(`**/api/project/${project.id}`, (route) => asked.then(() => route.continue()))
    await own.goto(`${base}/project/${project.id}/history`)
    await own.getByRole('button', { name: 'Search and commands' }).waitFor()
    const { list } = await opened(own)
    await list.getByRole('option', { name: /All projects/ }).waitFor()
    assert((await list.getByRole('group', { name: 'Template' }).count()) === 0, 'the project was not held back')
    answer()
    await list.getByRole('group', { name: 'Template' }).waitFor()
    await own.context().close()
  })
}

async function narrow() {
  await test('the palette fits on 360 pixels', async () => {
    const own = await visit(browser, { width: 360, height: 740 })
    await own.goto(`${base}/project/${project.id}/templates`)
    await own.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    await own.getByRole('button', { name: 'Search and commands' }).click()
    await own.getByRole('combobox', { name: 'Find a page, template or project' }).fill('node')
    await own.getByRole('option', { name: /Node 1/ }).first().waitFor()
    await picture(own, 'palette-narrow')
    await theme(own, 'dark')
    await picture(own, 'palette-narrow-dark')
    const width = await own.evaluate(() => document.documentElement.scrollWidth)
    assert(width <= 360, `the page is ${width} pixels wide`)
    await own.context().close()
  })
}
