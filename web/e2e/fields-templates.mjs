// The browser test of every field of templates: of each app and kind, with questions and vaults, alerts, limits, views, and of the dialog
// that runs one. As fields.mjs.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { assert } from './browser.mjs'
import { left, saveDialog, secret, select, to, walk } from './form.mjs'
import { base, call, scenario, visit } from './visit.mjs'

const KINDS = { '': 'Task Runs when somebody starts it', build: 'Build Makes a version, counted up', deploy: 'Deploy Installs a version of a build' }
let page = null
let browser = null
let project = null
await scenario('Fields of templates', async (stage) => {
  ;({ browser, page, project } = stage)
  const made = await objects()
  const windows = async () => [await visit(browser), await visit(browser)]
  // Side by side: most of the time one waits for the other's server.
  const [one, two] = [await windows(), await windows()]
  await Promise.all([templates(one, made), parts(two, made).then(() => runs(two, made))])
  await views(one)
})

/** What the selections of a template choose from: two of each. */
async function objects() {
  const workspace = async (name, type) => [await project.of('inventory', { name: `${name} one`, type, inventory: 'one' }), await project.of('inventory', { name: `${name} two`, type, inventory: 'two' })]
  const view = (title, position) => call(page, 'POST', `project/${project.id}/views`, { project_id: project.id, title, position })
  return {
    repositories: [project.repository, await project.of('repositories', { name: 'Remote', git_url: 'https://git.example.invalid/code.git', git_branch: 'main', ssh_key_id: project.key.id })],
    environments: [project.environment, await project.of('environment', { name: 'Others', json: '{}' })],
    logins: [(await call(page, 'GET', `project/${project.id}/keys`)).find((key) => key.name === 'Vault password'), await project.of('keys', { name: 'Other vault', type: 'login_password', login_password: { login: '', password: 'other' } })],
    views: [await view('Front', 0), await view('Back', 1)],
    builds: [await project.template({ name: 'Build one', type: 'build', start_version: '1.0.0' }), await project.template({ name: 'Build two', type: 'build', start_version: '2.0.0' })],
    inventories: {
      ansible: [project.inventory, await project.of('inventory', { name: 'Second', type: 'static', inventory: 'localhost', ssh_key_id: project.key.id })],
      terraform: await workspace('Terraform', 'terraform-workspace'),
      tofu: await workspace('Tofu', 'tofu-workspace'),
    },
  }
}

/** What is typed into the form of an app; with another number everything is another. */
function plan(made, app, kind, number) {
  const odd = number % 2
  const pick = (key, list) => to(key, list[odd].name ?? list[odd].title, list[odd].id)
  // What is off or empty is not in the answer.
  const check = (key) => to(key, odd === 1, odd === 1 || undefined)
  const flag = (name) => to(`task_params.${name}`, odd === 1, odd === 1 || undefined)
  const names = (name) => to(`task_params.${name}`, `${name}${number}, b`, [`${name}${number}`, 'b'])
  const isTerraform = ['terraform', 'tofu', 'terragrunt'].includes(app)
  return {
    'Kind of template': to('type', KINDS[kind], kind || undefined),
    Name: to('name', `${app} ${number}`),
    Description: to('description', `With words ${number}`),
    [app === 'ansible' ? 'Playbook' : isTerraform ? 'Directory' : 'Script']: to('playbook', `path/of/${number}`),
    ...(made.inventories[app] ? { [app === 'ansible' ? 'Inventory' : 'Workspace']: pick('inventory_id', made.inventories[app]) } : {}),
    // Of these the server makes one by itself, and takes none.
    ...(app === 'terragrunt' ? { Workspace: left(to('template_id', '', undefined), 'there is nothing to choose yet') } : {}),
    Repository: pick('repository_id', made.repositories),
    Branch: to('git_branch', `branch-${number}`),
    'Variable group': pick('environment_id', made.environments),
    View: pick('view_id', made.views),
    ...(kind === 'build' ? { 'First version': to('start_version', `1.0.${number}`) } : {}),
    ...(kind === 'deploy' ? { 'Build template': pick('build_template_id', made.builds), 'Run by itself after each successful build': to('autorun', true) } : {}),
    ...(app === 'ansible' ? { 'Limit to hosts': names('limit'), Tags: names('tags'), 'Skip tags': names('skip_tags'), ...vaults(made, number) } : {}),
    ...(isTerraform ? { 'Apply each plan without asking': flag('auto_approve') } : {}),
    ...survey(number),
    'Another branch': check('allow_override_branch_in_task'),
    'Further arguments': check('allow_override_args_in_task'),
    ...(app === 'ansible' ? { 'Another inventory': flag('allow_override_inventory'), 'Limit to hosts (2)': flag('allow_override_limit'), 'Tags (2)': flag('allow_override_tags'), 'Skip tags (2)': flag('allow_override_skip_tags'), 'Debug level': flag('allow_debug') } : {}),
    ...(isTerraform ? { 'Approve by itself': flag('allow_auto_approve'), Destroy: flag('allow_destroy') } : {}),
    Arguments: isTerraform && odd ? to('arguments', '{"plan": ["-refresh=false"]}') : to('arguments', `--one\n--two=${number}`, JSON.stringify(['--one', `--two=${number}`])),
    'Tag of runners': to('runner_tag', `tag${number}`),
    'Several tasks at the same time': check('allow_parallel_tasks'),
    'No alerts about tasks that succeed': check('suppress_success_alerts'),
  }
}

function vaults({ logins }, number) {
  const key = logins[number % 2]
  return {
    'Vault id': to('vaults.0.name', `first${number}`), 'Opened by': left(to('vaults.0.type', 'Password of a key', 'password'), 'the other one changes it'), 'Key with the password': to('vaults.0.vault_key_id', key.name, key.id),
    'Vault id (2)': to('vaults.1.name', `second${number}`), 'Opened by (2)': left(to('vaults.1.type', 'Script that prints it', 'script'), 'chosen when the row was made'), 'Path of the script': to('vaults.1.script', `vault${number}.sh`),
  }
}

/** A question of each kind; they are made, and their kinds chosen, before the form is walked. */
function survey(number) {
  const odd = number % 2 === 1
  const question = (index, kind, value, more) => {
    const at = index === 0 ? '' : ` (${index + 1})`
    const of = `survey_vars.${index}`
    return {
      [`Name of the variable${at}`]: to(`${of}.name`, `name${index}_${number}`),
      [`Question${at}`]: to(`${of}.title`, `Question ${index} of ${number}`),
      [`Kind of answer${at}`]: left(to(`${of}.type`, kind, value || undefined), 'chosen when the row was made'),
      ...more,
      [`Help at the field${at}`]: to(`${of}.description`, `Help ${index} of ${number}`),
      [`An answer is required${at}`]: to(`${of}.required`, odd, odd || undefined),
    }
  }
  return {
    ...question(0, 'Text', '', { Default: to('survey_vars.0.default_value', `text ${number}`) }),
    ...question(1, 'Whole number', 'int', { 'Default (2)': to('survey_vars.1.default_value', `4${number}`) }),
    ...question(2, 'Choice', 'enum', {
      'Default (3)': to('survey_vars.2.default_value', `value${number}`), 'Choice 1': to('survey_vars.2.values.0.name', `Choice of ${number}`), 'Value of choice 1': to('survey_vars.2.values.0.value', `value${number}`),
    }),
    ...question(3, 'Secret', 'secret', {}),
  }
}

async function addRows(form, app) {
  if (app === 'ansible') {
    await form.getByRole('button', { name: 'Add a vault' }).click()
    await form.getByRole('button', { name: 'Add a vault' }).click()
    await select(form.getByRole('group', { name: 'Vault 2' }), 'Opened by', 'Script that prints it')
  }
  for (const [index, kind] of ['Text', 'Whole number', 'Choice', 'Secret'].entries()) {
    await form.getByRole('button', { name: 'Add a question' }).click()
    const row = form.getByRole('group', { name: `Question ${index + 1}` })
    if (kind === 'Text') continue
    await select(row, 'Kind of answer', kind)
    if (kind === 'Choice') await row.getByRole('button', { name: 'Add a choice' }).click()
  }
}

async function templates([page, other], made) {
  const kinds = { ansible: ['build', 'deploy', ''], tofu: ['deploy', ''], bash: ['build', ''], terraform: ['build'], terragrunt: ['deploy'], python: ['build'], powershell: ['deploy'] }
  for (const { id: app } of await call(page, 'GET', 'apps')) {
    const list = kinds[app]
    assert(list, `nothing is planned for templates of ${app}`)
    let id = null
    await walk(page, other, {
      name: `template of ${app}`,
      scope: (page) => page.locator('#template-form'),
      fresh: (page) => page.goto(`${base}/project/${project.id}/templates/new?app=${app}`),
      open: (page) => page.goto(`${base}/project/${project.id}/templates/${id}/edit`),
      prepare: async (form, index) => index === 0 && addRows(form, app),
      save: async (page, form) => {
        await form.getByRole('button', { name: /^(Create|Save)$/ }).click()
        try {
          await page.waitForURL(/\/templates\/\d+(\/tasks)?$/)
        } catch {
          throw new Error(`it is not saved: ${(await form.locator('[role=alert], .v-input--error').allInnerTexts()).join(' ')}`)
        }
        id = Number(/\/templates\/(\d+)/.exec(page.url())[1])
      },
      answer: () => call(page, 'GET', `project/${project.id}/templates/${id}`),
      // The first one has the second of everything: where there is one only, the form has chosen it.
      plans: list.map((kind, index) => withDefaults(plan(made, app, kind, index + 1), app)),
    })
  }
}

/** Of Terragrunt the workspace that the server has made is there when the form is opened again. */
function withDefaults(fields, app) {
  return app === 'terragrunt' ? { ...fields, Workspace: { ...fields.Workspace, again: 'default' } } : fields
}

async function parts([page, other], { builds }) {
  const of = `project/${project.id}/templates/${builds[0].id}`
  const tab = (name, heading) => ({
    open: (page) => page.goto(`${base}/${of}/${name}`),
    scope: (page) => page.locator('form').filter({ has: page.getByRole('heading', { name: heading }) }),
  })
  const channels = [['E-mail', 'email'], ['Slack', 'slack'], ['Telegram', 'telegram'], ['Microsoft Teams', 'microsoft_teams'], ['Rocket.Chat', 'rocketchat'], ['DingTalk', 'dingtalk'], ['Gotify', 'gotify']]
  const occasions = [['Always', 'always'], ['Failures', 'failure'], ['Failures and the recovery', 'recovered']]
  const rules = (shift) => Object.fromEntries(channels.map(([title, channel], index) => [title, to(channel, ...occasions[(index + shift) % 3])]))
  await walk(page, other, {
    name: 'alerts of a template',
    ...tab('alerts', 'What is told about its tasks'),
    save: async (page, form) => {
      await form.getByRole('button', { name: 'Save' }).click()
      await page.getByText('The rules are saved.').waitFor()
    },
    answer: async () => Object.fromEntries((await call(page, 'GET', `${of}/alerts`)).rules.map((rule) => [rule.channel, rule.occasion])),
    plans: [rules(0), rules(1), Object.fromEntries(channels.map(([title, channel]) => [title, to(channel, 'As usual', undefined)]))],
  })
  const limits = (days, tasks, size) => ({ Days: to('max_age_days', days, Number(days)), Tasks: to('max_tasks', tasks, Number(tasks)), 'Output in MiB': to('max_bytes', size, Number(size) * 1024 * 1024) })
  await walk(page, other, {
    name: 'limits of what a template keeps',
    ...tab('retention', 'How long finished tasks are kept'),
    save: async (page, form) => {
      await form.getByRole('button', { name: 'Save the limits' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await page.getByText('It is saved how long tasks are kept.').waitFor()
    },
    answer: async () => (await call(page, 'GET', `project/${project.id}/retention`)).templates.find((each) => each.template_id === builds[0].id),
    plans: [limits('9', '50', '1.5'), limits('3', '25', '6')],
  })
}

async function views([page, other]) {
  const titles = ['Name', 'Playbook or script', 'Inventory', 'Variable group', 'Repository']
  const columns = ['name', 'playbook', 'inventory', 'environment', 'repository']
  const row = (index, title, sort, reverse) => {
    const at = index === 0 ? '' : ` (${index + 1})`
    return { [index === 0 ? 'Name of the view of all templates' : `Name${index === 1 ? '' : ' (2)'}`]: to(`${index}.title`, title), [`Sorted by${at}`]: to(`${index}.sort_column`, titles[sort], columns[sort]), [`In reverse order${at}`]: to(`${index}.sort_reverse`, reverse, reverse || undefined) }
  }
  await walk(page, other, {
    name: 'views',
    open: async (page) => {
      await page.goto(`${base}/project/${project.id}/templates`)
      await page.getByRole('button', { name: 'Edit views' }).click()
    },
    answer: async () => (await call(page, 'GET', `project/${project.id}/views`)).sort((one, other) => one.position - other.position),
    plans: [
      { ...row(0, 'Everything', 0, true), ...row(1, 'Servers', 1, true), ...row(2, 'Deployments', 2, true) },
      { ...row(0, 'All of them', 3, false), ...row(1, 'Machines', 4, false), ...row(2, 'Releases', 0, false) },
    ],
  })
}

/** The dialog that runs a template: the task has what was typed, and "Run again" shows it. */
async function runs([page, other], made) {
  const survey_vars = [
    { name: 'version', title: 'Version', required: true }, { name: 'count', title: 'Count', type: 'int' },
    { name: 'where', title: 'Where', type: 'enum', values: [{ name: 'Here', value: 'here' }, { name: 'There', value: 'there' }] },
    { name: 'token', title: 'Token', type: 'secret' },
  ]
  const common = { survey_vars, allow_override_args_in_task: true, allow_override_branch_in_task: true }
  const answers = { 'Version *': to('environment.version', '2.0'), Count: to('environment.count', '7'), Where: to('environment.where', 'There', 'there'), Token: secret('hidden'), Branch: to('git_branch', 'release') }
  const sky = [await project.of('inventory', { name: 'Sky one', type: 'tofu-workspace', inventory: 'one' }), await project.of('inventory', { name: 'Sky two', type: 'tofu-workspace', inventory: 'two' })]
  const rest = { 'Further arguments': to('arguments', '--one\n--two', ['--one', '--two']), Message: to('message', 'By hand') }
  const flags = (...names) => Object.fromEntries(names.map(([title, name]) => [title, to(`params.${name}`, true)]))
  const cases = {
    ansible: [
      { app: 'ansible', playbook: 'missing.yml', inventory_id: project.inventory.id, task_params: { allow_override_inventory: true, allow_override_limit: true, allow_override_tags: true, allow_override_skip_tags: true, allow_debug: true } },
      {
        Inventory: to('inventory_id', 'Second', made.inventories.ansible[1].id), 'Limit to hosts': to('params.limit', 'web, db', ['web', 'db']), Tags: to('params.tags', 'a', ['a']), 'Skip tags': to('params.skip_tags', 'b', ['b']),
        ...flags(['Dry run', 'dry_run'], ['Show differences', 'diff'], ['Debug', 'debug']), 'Debug level': to('params.debug_level', '2', 2),
      },
    ],
    tofu: [
      { app: 'tofu', playbook: '', inventory_id: sky[0].id, task_params: { allow_override_inventory: true, allow_destroy: true, allow_auto_approve: true } },
      { Inventory: to('inventory_id', 'Sky two', sky[1].id), ...flags(['Plan only', 'plan'], ['Destroy', 'destroy'], ['Approve by itself', 'auto_approve'], ['Upgrade', 'upgrade'], ['Reconfigure', 'reconfigure']) },
    ],
    bash: [{ app: 'bash', playbook: 'missing.sh' }, {}],
  }
  for (const [app, [body, own]] of Object.entries(cases)) {
    const template = await project.template({ name: `Run ${app}`, ...common, ...body })
    let task = null
    await walk(page, other, {
      name: `run of ${app}`,
      fresh: async (page) => {
        await page.goto(`${base}/project/${project.id}/templates/${template.id}`)
        await page.getByRole('button', { name: 'Run', exact: true }).click()
      },
      open: async (page) => {
        await page.goto(`${base}/project/${project.id}/tasks/${task}`)
        await page.getByRole('button', { name: 'Run again' }).click({ timeout: 60_000 })
      },
      save: async (page, dialog) => {
        await saveDialog(page, dialog, app === 'ansible' ? 'Dry run' : 'Run')
        await page.waitForURL(/\/tasks\/\d+$/)
        task = Number(/\/tasks\/(\d+)$/.exec(page.url())[1])
      },
      answer: async () => {
        const stored = await call(page, 'GET', `project/${project.id}/tasks/${task}`)
        return { ...stored, environment: JSON.parse(stored.environment), arguments: JSON.parse(stored.arguments) }
      },
      plans: [{ ...answers, ...own, ...rest }],
    })
  }
}
