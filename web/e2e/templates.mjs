// The browser test of templates: making one of each app, changing every field, copying, views, search, order, deleting.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, consoleErrors, picture, test } from './browser.mjs'
import { base, call, choose, fits, pictures, same, scenario } from './visit.mjs'

await scenario('Pages of templates', async ({ browser, page, project }) => {
  const home = `${base}/project/${project.id}/templates`
  await create(page, project, home)
  await change(page, project, home)
  await kinds(page, project, home)
  await list(page, project, home)
  await views(page, project, home)
  await deletion(page, project, home)
  await many(page, project, home)
  await fits(browser, [
    ['templates', `/project/${project.id}/templates`, 'Templates'],
    ['template-new', `/project/${project.id}/templates/new?app=ansible`, 'New template'],
  ])
})

async function create(page, project, home) {
  await test('an empty project offers a new template of an app', async () => {
    await page.goto(home)
    await page.getByRole('heading', { name: 'No templates yet' }).waitFor()
    await pictures(page, 'templates-empty')
    await page.getByRole('button', { name: 'New template' }).click()
    await page.getByRole('option', { name: 'Ansible' }).or(page.getByRole('link', { name: 'Ansible' })).or(page.getByRole('menuitem', { name: 'Ansible' })).first().click()
    await page.getByRole('heading', { name: 'New template: Ansible' }).waitFor()
  })
  await test('what is missing is said at the fields', async () => {
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('Enter a name.').waitFor()
    await page.getByText('Enter the path of the playbook.').waitFor()
    assert(await page.getByLabel('Name', { exact: true }).evaluate((field) => field === document.activeElement), 'the first wrong field has no focus')
    await picture(page, 'template-new-refused')
  })
  await test('an Ansible template is made with every field', async () => {
    await fill(page, { Name: 'Web servers', Description: 'Installs the servers', Playbook: 'site.yml', Branch: 'stable', 'Limit to hosts': 'web, db', Tags: 'install', 'Skip tags': 'slow, noisy', 'Tag of runners': 'big', Arguments: '--forks=3\n-e answer=42' })
    await choose(page, 'Variable group', 'Settings')
    await page.getByRole('button', { name: 'Add a vault' }).click()
    await page.getByLabel('Vault id').fill('prod')
    await choose(page, 'Key with the password', 'Vault password')
    await question(page, 0, { name: 'version', title: 'Version', kind: 'Text', fallback: '1.0', help: 'Which one', required: true })
    await question(page, 1, { name: 'count', title: 'How many', kind: 'Whole number', fallback: '3' })
    await question(page, 2, { name: 'where', title: 'Where', kind: 'Choice', choices: [['Berlin', 'b'], ['Paris', 'p']], fallback: 'p' })
    await question(page, 3, { name: 'token', title: 'Token', kind: 'Secret' })
    await page.getByRole('button', { name: 'Move Where up' }).click()
    for (const label of ['Another branch', 'Further arguments', 'Another inventory', 'Limit to hosts', 'Tags', 'Skip tags', 'Debug level', 'Several tasks at the same time', 'No alerts about tasks that succeed']) {
      await page.getByRole('checkbox', { name: label, exact: true }).check()
    }
    await page.evaluate(() => window.scrollTo(0, 0))
    await pictures(page, 'template-form')
    await page.getByRole('heading', { name: 'Questions' }).scrollIntoViewIfNeeded()
    await pictures(page, 'template-form-questions')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Web servers' }).waitFor()
    await pictures(page, 'template')
    const stored = await storedTemplate(page, project)
    same(stored, {
      name: 'Web servers', description: 'Installs the servers', app: 'ansible', playbook: 'site.yml', git_branch: 'stable', runner_tag: 'big',
      repository_id: project.repository.id, inventory_id: project.inventory.id, environment_id: project.environment.id,
      arguments: '["--forks=3","-e answer=42"]', allow_override_args_in_task: true, allow_override_branch_in_task: true, allow_parallel_tasks: true, suppress_success_alerts: true,
    }, 'the template')
    same(stored.task_params, {
      limit: ['web', 'db'], tags: ['install'], skip_tags: ['slow', 'noisy'], allow_override_inventory: true, allow_override_limit: true,
      allow_override_tags: true, allow_override_skip_tags: true, allow_debug: true,
    }, 'its parameters')
    same(stored.survey_vars.map((variable) => variable.name), ['version', 'where', 'count', 'token'], 'the questions')
    same(stored.survey_vars[1], { title: 'Where', type: 'enum', default_value: 'p', values: [{ name: 'Berlin', value: 'b' }, { name: 'Paris', value: 'p' }] }, 'the choice')
    same(stored.vaults[0], { name: 'prod', type: 'password' }, 'the vault')
  })
}

async function change(page, project, home) {
  await test('a change shows what is stored and stores what is changed', async () => {
    await page.goto(home)
    await page.getByRole('button', { name: 'More for Web servers' }).click()
    await page.getByRole('link', { name: 'Change' }).or(page.getByRole('menuitem', { name: 'Change' })).or(page.getByRole('option', { name: 'Change' })).first().click()
    await page.getByRole('heading', { name: 'Change Web servers' }).waitFor()
    assert((await page.getByLabel('Arguments', { exact: true }).inputValue()) === '--forks=3\n-e answer=42', 'the arguments differ')
    await fill(page, { Name: 'Database servers', Playbook: 'db.yml', Branch: '', Tags: '', Arguments: '' })
    await page.getByRole('button', { name: 'Delete Token' }).click()
    await page.getByRole('button', { name: 'Delete the vault prod' }).click()
    await page.getByRole('checkbox', { name: 'Debug level', exact: true }).uncheck()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Database servers' }).waitFor()
    const stored = await storedTemplate(page, project)
    same(stored, { name: 'Database servers', playbook: 'db.yml', arguments: '[]' }, 'the template')
    assert(stored.git_branch === undefined && stored.vaults === undefined && stored.task_params.tags === undefined && stored.task_params.allow_debug === undefined, 'something is left of the old values')
    assert(stored.survey_vars.length === 3, 'the question is still there')
  })
  await test('leaving with changes asks first', async () => {
    await page.goto(`${home}/${(await storedTemplate(page, project)).id}/edit`)
    await page.getByLabel('Name', { exact: true }).fill('Something else')
    let asked = ''
    page.once('dialog', (dialog) => {
      asked = dialog.message()
      void dialog.dismiss()
    })
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Change Something else' }).waitFor()
    assert(asked.startsWith('Leave without saving?'), 'nobody asked')
    page.once('dialog', (dialog) => void dialog.accept())
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Database servers' }).waitFor()
  })
  await test('a refusal of the server is shown and what was typed stays', async () => {
    await page.goto(`${home}/${(await storedTemplate(page, project)).id}/edit`)
    await page.getByLabel('Name', { exact: true }).fill('Kept')
    await page.route('**/api/project/*/templates/*', (route) => (route.request().method() === 'PUT' ? route.abort() : route.fallback()))
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').filter({ hasText: 'The server does not answer.' }).waitFor()
    assert((await page.getByLabel('Name', { exact: true }).inputValue()) === 'Kept', 'the name is lost')
    await page.unroute('**/api/project/*/templates/*')
    const aborted = consoleErrors.findIndex((text) => text.includes('net::ERR_FAILED'))
    if (aborted >= 0) consoleErrors.splice(aborted, 1)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Kept' }).waitFor()
  })
  await test('a copy is a template of its own', async () => {
    await page.getByRole('link', { name: 'Copy the template' }).click()
    await page.getByRole('heading', { name: 'Copy a template' }).waitFor()
    assert((await page.getByLabel('Name', { exact: true }).inputValue()) === 'Kept (copy)', 'another name')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Kept (copy)' }).waitFor()
    const both = await call(page, 'GET', `project/${project.id}/templates`)
    assert(both.length === 2 && both[0].playbook === both[1].playbook, 'not the same playbook')
  })
}

async function kinds(page, project, home) {
  await test('a build of a script and a deployment of it', async () => {
    await page.goto(`${home}/new?app=bash`)
    await page.getByRole('radio', { name: /^Build/ }).check()
    await fill(page, { Name: 'Package', Script: 'build.sh' })
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('Enter the version of the first build').waitFor()
    await fill(page, { 'First version': '1.0.0' })
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Package' }).waitFor()
    await page.goto(`${home}/new?app=bash`)
    await page.getByRole('radio', { name: /^Deploy/ }).check()
    await fill(page, { Name: 'Roll out', Script: 'deploy.sh' })
    await choose(page, 'Build template', 'Package')
    await page.getByRole('checkbox', { name: 'Run by itself after each successful build' }).check()
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Roll out' }).waitFor()
    const list = await call(page, 'GET', `project/${project.id}/templates`)
    const build = list.find((each) => each.name === 'Package')
    same(build, { type: 'build', start_version: '1.0.0', app: 'bash', playbook: 'build.sh' }, 'the build')
    const deploy = list.find((each) => each.name === 'Roll out')
    same(await call(page, 'GET', `project/${project.id}/templates/${deploy.id}`), { type: 'deploy', build_template_id: build.id, autorun: true }, 'the deployment')
  })
  await test('OpenTofu gets a workspace, and its plans are applied without asking', async () => {
    await page.goto(`${home}/new?app=tofu`)
    await fill(page, { Name: 'Network' })
    await page.getByRole('checkbox', { name: 'Apply each plan without asking' }).check()
    await page.getByRole('checkbox', { name: 'Destroy' }).check()
    await pictures(page, 'template-form-tofu')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'Network' }).waitFor()
    const list = await call(page, 'GET', `project/${project.id}/templates`)
    const made = list.find((each) => each.name === 'Network')
    same(made, { app: 'tofu', playbook: '' }, 'the template')
    same(made.task_params, { auto_approve: true, allow_destroy: true }, 'its parameters')
    assert(made.inventory_id > 0, 'no workspace')
  })
  for (const [app, name] of [['python', 'Python'], ['powershell', 'PowerShell']]) {
    await test(`a template of ${name}`, async () => {
      await page.goto(`${home}/new?app=${app}`)
      await fill(page, { Name: `With ${name}`, Script: 'main' })
      await page.getByRole('button', { name: 'Create' }).click()
      await page.getByRole('heading', { name: `With ${name}` }).waitFor()
    })
  }
}

async function list(page, project, home) {
  const names = () => page.locator('tbody a.title').allInnerTexts()
  await test('the list is searched and sorted, and the address keeps both', async () => {
    await page.goto(home)
    await page.getByLabel('Search', { exact: true }).fill('with')
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2)
    await page.getByRole('button', { name: 'Template', exact: true }).click()
    await page.getByRole('button', { name: 'Template', exact: true }).click()
    await page.waitForURL(/q=with.*sort=-name/)
    await page.reload()
    await page.locator('tbody a.title').first().waitFor()
    same(await names(), ['With Python', 'With PowerShell'], 'the list')
    await page.getByLabel('Search', { exact: true }).fill('nothing like this')
    await page.getByRole('heading', { name: 'Nothing found' }).waitFor()
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 7)
    await pictures(page, 'templates-list')
  })
}

async function views(page, project, home) {
  await test('views are made, named, ordered and hidden', async () => {
    await page.goto(home)
    await page.getByRole('button', { name: /^(Add|Edit) views$/ }).click()
    const dialog = page.getByRole('dialog')
    for (const name of ['Servers', 'Rollouts', 'Old things']) {
      await dialog.getByRole('button', { name: 'Add a view' }).click()
      await dialog.getByLabel('Name', { exact: true }).last().fill(name)
    }
    await dialog.getByRole('button', { name: 'Move Rollouts up' }).click()
    await dialog.getByRole('button', { name: 'Hide Old things' }).click()
    await pictures(page, 'views-editor')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Servers' }).waitFor()
    const tabs = await page.getByRole('navigation', { name: 'Views' }).getByRole('link').allInnerTexts()
    same(tabs, ['All', 'Rollouts', 'Servers'], 'the tabs')
    const stored = await call(page, 'GET', `project/${project.id}/views`)
    same(stored.map((view) => view.title), ['All', 'Rollouts', 'Servers', 'Old things'], 'the views')
    assert(stored[3].hidden === true, 'not hidden')
  })
  await test('a template is put into a view and is found in its tab', async () => {
    const template = (await call(page, 'GET', `project/${project.id}/templates`)).find((each) => each.name === 'Kept')
    await page.goto(`${home}/${template.id}/edit`)
    await choose(page, 'View', 'Servers')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Kept', exact: true }).waitFor()
    await page.goto(home)
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Servers' }).click()
    await page.waitForURL(/\/views\/\d+\/templates$/)
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1)
    await page.getByRole('link', { name: 'Kept', exact: true }).waitFor()
    await pictures(page, 'templates-view')
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Rollouts' }).click()
    await page.getByRole('heading', { name: 'No templates in this view' }).waitFor()
  })
  await test('a view is renamed and another one deleted, its page leads back', async () => {
    await page.getByRole('button', { name: 'Edit views' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Delete Rollouts' }).click()
    await dialog.getByLabel('Name', { exact: true }).first().fill('Machines')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/\/project\/\d+\/templates$/)
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Machines' }).waitFor()
    same((await call(page, 'GET', `project/${project.id}/views`)).map((view) => view.title), ['All', 'Machines', 'Old things'], 'the views')
  })
}

async function deletion(page, project, home) {
  const more = async (name) => {
    await page.getByRole('button', { name: `More for ${name}`, exact: true }).click()
    await page.locator('.v-overlay--active .v-list-item').filter({ hasText: 'Delete' }).click()
  }
  await test('a template in use says what uses it', async () => {
    await page.goto(home)
    await more('Package')
    await page.getByText('It is used by: Roll out.').waitFor()
    assert(await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).isDisabled(), 'it can be deleted')
    await picture(page, 'template-delete-used')
    await page.getByRole('button', { name: 'Cancel' }).click()
  })
  await test('a template is deleted', async () => {
    await more('Roll out')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('“Roll out” is deleted.').waitFor()
    await page.waitForFunction(() => ![...document.querySelectorAll('tbody a.title')].some((link) => link.textContent === 'Roll out'))
    assert((await call(page, 'GET', `project/${project.id}/templates`)).every((each) => each.name !== 'Roll out'), 'it is still there')
  })
}

async function many(page, project, home) {
  await test('a long list is drawn in parts, and its end can be reached', async () => {
    for (let number = 0; number < 150; number += 1) await project.template({ name: `Many ${String(number).padStart(3, '0')}` })
    await page.goto(`${home}?sort=name`)
    await page.locator('tbody a.title').first().waitFor()
    const first = await page.locator('tbody tr').count()
    assert(first < 150, `${first} rows at once`)
    await page.locator('tbody tr').last().scrollIntoViewIfNeeded()
    const last = page.getByRole('link', { name: 'With PowerShell' })
    while ((await last.count()) === 0) {
      const before = await page.locator('tbody tr').count()
      await page.mouse.wheel(0, 20_000)
      await page.waitForFunction((count) => document.querySelectorAll('tbody tr').length > count, before)
    }
    await last.waitFor()
  })
}

async function storedTemplate(page, project) {
  const [first] = await call(page, 'GET', `project/${project.id}/templates?sort=name`)
  return call(page, 'GET', `project/${project.id}/templates/${first.id}`)
}

async function fill(page, fields) {
  // A field with suggestions is a combobox.
  for (const [name, value] of Object.entries(fields)) await page.getByRole('textbox', { name, exact: true }).or(page.getByRole('combobox', { name, exact: true })).fill(value)
}

async function question(page, index, { name, title, kind, fallback, help, required, choices = [] }) {
  await page.getByRole('button', { name: 'Add a question' }).click()
  const box = page.getByRole('group', { name: `Question ${index + 1}` })
  await fill(box, { 'Name of the variable': name, Question: title })
  await choose(box, 'Kind of answer', kind)
  for (const [at, [text, value]] of choices.entries()) {
    await box.getByRole('button', { name: 'Add a choice' }).click()
    await fill(box, { [`Choice ${at + 1}`]: text, [`Value of choice ${at + 1}`]: value })
  }
  if (fallback) await fill(box, { Default: fallback })
  if (help) await fill(box, { 'Help at the field': help })
  if (required) await box.getByRole('checkbox', { name: 'An answer is required' }).check()
}
