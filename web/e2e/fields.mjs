// The browser test of every field of a project's forms: changed, saved, opened again by somebody else, and compared with the API (form.mjs).
// A field that comes to a form fails here until its plan says what is typed into it. Forms of templates: fields-templates.mjs; of the
// server: fields-server.mjs.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
import { generateKeyPairSync } from 'node:crypto'
import { assert } from './browser.mjs'
import { later, left, once, secret, seen, to, walk } from './form.mjs'
import { base, call, scenario, visit } from './visit.mjs'

const replace = 'Replace its type and secret'
let browser = null
let page = null
let project = null
await scenario('Fields of a project', async (stage) => {
  ;({ browser, page, project } = stage)
  const more = {
    another: await project.of('keys', { name: 'Another', type: 'none' }),
    vault: (await call(page, 'GET', `project/${project.id}/keys`)).find((key) => key.name === 'Vault password'),
    remote: await project.of('repositories', { name: 'Remote', git_url: 'https://git.example.invalid/code.git', git_branch: 'main', ssh_key_id: project.key.id }),
  }
  // Two pairs of windows side by side: most of the time one waits for the other's server.
  await Promise.all([
    walked(await windows(), [keys, repositories, inventories, groups, storages, settings], more),
    walked(await windows(), [schedules, integrations, addresses], more),
  ])
})

/** The one who changes, and the one who looks at it. */
async function windows() {
  return [await visit(browser), await visit(browser)]
}

async function walked(pair, areas, more) {
  for (const area of areas) await area(pair, more)
}

/** A list of the project whose forms are opened by its buttons, of which the object with one of the names is walked. */
function listed(kind, button, names, api = kind) {
  const at = `${base}/project/${project.id}/${kind}`
  return {
    fresh: async (page) => {
      await page.goto(at)
      await page.getByRole('button', { name: button, exact: true }).click()
    },
    open: async (page) => {
      await page.goto(at)
      await page.getByRole('button', { name: new RegExp(`^Change (${names.join('|')})$`) }).click()
    },
    answer: async () => {
      const found = (await call(page, 'GET', `project/${project.id}/${api}`)).find((each) => names.includes(each.name))
      assert(found, `there is no ${names.join(' or ')}`)
      return call(page, 'GET', `project/${project.id}/${api}/${found.id}`)
    },
  }
}

async function keys([page, other]) {
  const { privateKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'opens it' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const stays = { [replace]: later(false) }
  await walk(page, other, {
    name: 'key',
    ...listed('keys', 'New key', ['Deploy', 'Rollout', 'Shell', 'Public', 'Of a file', 'Of a variable']),
    plans: [
      { Name: to('name', 'Deploy'), Type: once(to('type', 'Login with password', 'login_password')), 'The secret is in': once(left(seen('The database, encrypted'), 'the next ones change it')), 'User name': once(seen('bot')), 'Password or token': once(secret('a secret')), ...stays },
      { Name: to('name', 'Rollout'), [replace]: seen(true, false), Type: once(to('type', 'SSH key', 'ssh')), 'The secret is in': once(left(seen('The database, encrypted'), 'as above')), 'User name': once(seen('git')), 'Passphrase of the key': once(secret('opens it')), 'Private key': once(secret(privateKey)) },
      { Name: to('name', 'Of a file'), [replace]: seen(true, false), Type: once(to('type', 'Login with password', 'login_password')), 'The secret is in': once(to('source_storage_type', 'A file on the server', 'file')), 'Path of the file': once(to('source_storage_key', '/run/secrets/login')) },
      { Name: to('name', 'Of a variable'), [replace]: seen(true, false), Type: once(to('type', 'SSH key', 'ssh')), 'The secret is in': once(to('source_storage_type', 'A variable of the server', 'env')), 'Name of the variable': once(to('source_storage_key', 'LOGIN_OF_THE_SERVER')) },
      { Name: to('name', 'Public'), [replace]: seen(true, false), Type: once(to('type', 'None', 'none')) },
    ],
  })
}

async function repositories([page, other], { another, vault }) {
  await walk(page, other, {
    name: 'repository',
    ...listed('repositories', 'New repository', ['Tools', 'Toolbox']),
    plans: [
      { Name: to('name', 'Tools'), 'URL or absolute path': to('git_url', '/srv/tools'), Branch: to('git_branch', ''), Key: to('ssh_key_id', 'Another', another.id) },
      { Name: to('name', 'Toolbox'), 'URL or absolute path': to('git_url', 'https://git.example.invalid/tools.git'), Branch: to('git_branch', 'stable'), Key: to('ssh_key_id', 'Vault password', vault.id) },
    ],
  })
}

async function inventories([page, other], { another, vault, remote }) {
  const keys = (one, two) => ({ 'Key for the hosts': to('ssh_key_id', ...one), 'Key to become another user': to('become_key_id', ...two) })
  const tag = (value) => ({ 'Tag of runners': to('runner_tag', value, value || undefined) })
  const alone = (value) => ({ 'One task at a time uses it': seen(value) })
  await walk(page, other, {
    name: 'inventory',
    ...listed('inventory', 'New inventory', ['Web', 'Hosts of a file', 'Ini', 'State', 'Tofu']),
    plans: [
      { Name: to('name', 'Web'), Type: to('type', 'Hosts in YAML', 'static-yaml'), ...keys(['Another', another.id], ['Vault password', vault.id]), Hosts: to('inventory', 'all:\n  hosts:\n    web1:'), ...tag('big'), 'One task at a time uses it': later(false) },
      { Name: to('name', 'Hosts of a file'), Type: to('type', 'A file of a repository', 'file'), ...keys(['Nothing', project.key.id], ['', null]), Repository: to('repository_id', 'Remote', remote.id), 'Path in the repository': to('inventory', 'hosts/web.yml'), ...tag('small'), ...alone(true) },
      { Name: to('name', 'Ini'), Type: to('type', 'Hosts in INI format', 'static'), ...keys(['Another', another.id], ['Vault password', vault.id]), Hosts: to('inventory', 'web1\nweb2'), ...tag(''), ...alone(false) },
      { Name: to('name', 'State'), Type: to('type', 'Terraform workspace', 'terraform-workspace'), 'Name of the workspace': to('inventory', 'production'), ...tag('cloud'), ...alone(true) },
      { Name: to('name', 'Tofu'), Type: to('type', 'OpenTofu workspace', 'tofu-workspace'), 'Name of the workspace': to('inventory', 'staging'), ...tag('sky'), ...alone(false) },
    ],
  })
}

async function groups([page, other]) {
  const form = listed('environment', 'New variable group', ['Production', 'Live'])
  await walk(page, other, {
    name: 'variable group',
    ...form,
    // Secrets come by their names.
    answer: async () => {
      const group = await form.answer()
      return { ...group, json: JSON.parse(group.json), env: JSON.parse(group.env), first: group.secrets[0], second: group.secrets[1] }
    },
    prepare: async (dialog, index) => {
      if (index > 0) return
      await dialog.getByRole('button', { name: 'Add a secret' }).click()
      await dialog.getByRole('button', { name: 'Add a secret' }).click()
    },
    plans: [
      {
        Name: to('name', 'Production'), 'Extra variables': to('json', '{"a": "1"}', { a: '1' }), 'Variables of the process': to('env', '{"LANG": "C"}', { LANG: 'C' }),
        'Name (2)': to('first.name', 'ALPHA'), Value: secret('the first'), Kind: { ...left(to('first.type', 'Extra variable', 'var'), 'the other one changes it'), locked: undefined },
        'Name (3)': to('second.name', 'BETA'), 'Value (2)': secret('the second'), 'Kind (2)': to('second.type', 'Variable of the process', 'env'),
      },
      {
        Name: to('name', 'Live'), 'Extra variables': to('json', '{"a": "2"}', { a: '2' }), 'Variables of the process': to('env', '{"LANG": "de_DE.UTF-8"}', { LANG: 'de_DE.UTF-8' }),
        'Name (2)': to('first.name', 'FIRST'), Value: secret('the third'), Kind: { ...to('first.type', 'Extra variable', 'var'), locked: true },
        'Name (3)': to('second.name', 'SECOND'), 'Value (2)': secret('the fourth'), 'Kind (2)': { ...to('second.type', 'Variable of the process', 'env'), locked: true },
      },
    ],
  })
}

async function storages([page, other]) {
  const readonly = 'Read only: no key is written to it from here'
  const fields = (name, number, more) => ({
    Name: to('name', name), Address: to('params.url', `https://vault${number}.example.com`), 'Mount of the engine': to('params.mount', `teams${number}`), Namespace: to('params.namespace', `ours${number}`), ...more,
  })
  const later = [
    fields('Company file', 2, { 'The token is in': to('source_storage_type', 'A file on the server', 'file'), 'Path of the file': to('secret', '/run/secrets/token'), [readonly]: to('readonly', false) }),
    fields('Company variable', 3, { 'The token is in': to('source_storage_type', 'A variable of the server', 'env'), 'Name of the variable': to('secret', 'TOKEN_OF_THE_VAULT'), [readonly]: to('readonly', true) }),
    fields('Company vault', 4, { 'The token is in': seen('The database, encrypted'), Token: secret('another token'), [readonly]: to('readonly', false) }),
  ]
  const names = ['Company token', 'Company file', 'Company variable', 'Company vault']
  await walk(page, other, {
    name: 'secret storage',
    ...listed('secret_storages', 'New storage', names),
    plans: [fields('Company token', 1, { 'The token is in': left(seen('The database, encrypted'), 'the next ones change it'), Token: secret('a token'), [readonly]: to('readonly', true) }), ...later],
  })
  const [storage] = await call(page, 'GET', `project/${project.id}/secret_storages`)
  await call(page, 'DELETE', `project/${project.id}/secret_storages/${storage.id}`)
  // Made elsewhere, for the page offers none of this kind: nothing is lost when it is changed here.
  await project.of('secret_storages', { name: 'Devolutions', type: 'dvls', params: { url: 'https://dvls.example.com', vault: 'kept' }, secret: 'token', readonly: true })
  const form = listed('secret_storages', 'New storage', ['Devolutions', ...names])
  await walk(page, other, {
    name: 'secret storage of Devolutions',
    ...form,
    fresh: undefined,
    answer: async () => {
      const answer = await form.answer()
      assert(answer.type === 'dvls' && answer.params.vault === 'kept', JSON.stringify(answer))
      return answer
    },
    plans: later,
  })
}

async function settings([page, other]) {
  const of = `project/${project.id}`
  const part = (heading, save) => ({
    open: async (page) => {
      await page.goto(`${base}/${of}/settings`)
      await page.getByRole('heading', { name: 'How long finished tasks are kept' }).waitFor()
    },
    scope: (page) => page.locator('form').filter({ has: page.getByRole('heading', { name: heading, exact: true }) }),
    save,
  })
  const press = (button, words) => async (page, form) => {
    await form.getByRole('button', { name: button, exact: true }).click()
    await page.getByText(words).waitFor()
  }
  const alerts = 'Send alerts about tasks of this project'
  await walk(page, other, {
    name: 'settings of a project',
    ...part('Project', press('Save the project', 'The project is saved.')),
    answer: () => call(page, 'GET', of),
    plans: [
      { 'Name of the project': to('name', 'Renamed'), 'Tasks at the same time': to('max_parallel_tasks', '3', 3), [alerts]: to('alert', true), 'Telegram chat for the alerts': to('alert_chat', '-100') },
      { 'Name of the project': to('name', 'Fields of a project'), 'Tasks at the same time': to('max_parallel_tasks', '0', undefined), [alerts]: to('alert', false, undefined), 'Telegram chat for the alerts': to('alert_chat', '', undefined) },
    ],
  })
  const line = 'git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n'
  await walk(page, other, {
    name: 'host keys',
    ...part('Host keys', press('Save', 'The host keys are saved.')),
    answer: () => call(page, 'GET', `${of}/host_keys`),
    plans: [
      { 'Host keys': to('mode', 'Strict Only hosts with a line below are accepted.', 'strict'), 'Known hosts': to('known_hosts', line) },
      { 'Host keys': to('mode', 'Accept new hosts A new host is accepted and its key is kept here; a host with another key than before is refused.', 'accept-new'), 'Known hosts': to('known_hosts', '') },
    ],
  })
  const limits = (days, tasks, size) => ({ Days: to('max_age_days', days, Number(days) || null), Tasks: to('max_tasks', tasks, Number(tasks) || null), 'Output in MiB': to('max_bytes', size, Number(size) * 1024 * 1024 || null) })
  await walk(page, other, {
    name: 'limits of what a project keeps',
    ...part('How long finished tasks are kept', async (page, form) => {
      await form.getByRole('button', { name: 'Save the limits' }).click()
      const question = page.getByRole('dialog').getByRole('button', { name: 'Delete' })
      const saved = page.getByText('It is saved how long tasks are kept.')
      await question.or(saved).first().waitFor()
      if (await question.isVisible()) await question.click()
      await saved.waitFor()
    }),
    answer: async () => (await call(page, 'GET', `${of}/retention`)).project,
    plans: [limits('90', '500', '12.5'), limits('30', '250', '6'), limits('', '', '')],
  })
}

/** What a run of the template Everything may set; the same fields in schedules and integrations. */
async function everything() {
  const survey_vars = [
    { name: 'version', title: 'Version', required: true }, { name: 'count', title: 'Count', type: 'int' },
    { name: 'where', title: 'Where', type: 'enum', values: [{ name: 'Here', value: 'here' }, { name: 'There', value: 'there' }] },
    { name: 'token', title: 'Token', type: 'secret' },
  ]
  const asks = { allow_override_inventory: true, allow_override_limit: true, allow_override_tags: true, allow_override_skip_tags: true, allow_debug: true }
  return project.template({ name: 'Everything', app: 'ansible', playbook: 'site.yml', inventory_id: project.inventory.id, survey_vars, allow_override_args_in_task: true, allow_override_branch_in_task: true, task_params: asks })
}
function kept(number, inventory, on) {
  return {
    'Version *': to('task_params.environment.version', `${number}.0`), Count: to('task_params.environment.count', `${number}`), Where: to('task_params.environment.where', ...(on ? ['There', 'there'] : ['Here', 'here'])),
    Branch: to('task_params.git_branch', `branch-${number}`), Inventory: to('task_params.inventory_id', inventory.name, inventory.id),
    'Limit to hosts': to('task_params.params.limit', `web${number}, db`, [`web${number}`, 'db']), Tags: to('task_params.params.tags', `a${number}`, [`a${number}`]), 'Skip tags': to('task_params.params.skip_tags', `b${number}`, [`b${number}`]),
    'Dry run': to('task_params.params.dry_run', on, on || undefined), 'Show differences': to('task_params.params.diff', on, on || undefined), Debug: to('task_params.params.debug', on, on || undefined),
    ...(on ? { 'Debug level': to('task_params.params.debug_level', '2', 2) } : {}),
    'Further arguments': to('task_params.arguments', `--one\n--two=${number}`, ['--one', `--two=${number}`]), Message: to('task_params.message', `By night ${number}`),
  }
}

function opened(answer) {
  return {
    ...answer,
    task_params: answer.task_params && { ...answer.task_params, environment: JSON.parse(answer.task_params.environment || '{}'), arguments: JSON.parse(answer.task_params.arguments || 'null') },
  }
}

async function schedules([page, other], { remote }) {
  const template = await everything()
  const simple = await project.template({ name: 'Simple' })
  const second = await project.of('inventory', { name: 'Second', type: 'static', inventory: 'localhost', ssh_key_id: project.key.id })
  const infrastructure = await project.template({ name: 'Cloud', app: 'tofu', playbook: '', inventory_id: null, allow_override_args_in_task: true, task_params: { allow_destroy: true, allow_auto_approve: true } })
  const list = listed('schedule', 'New schedule', ['Nightly', 'Once', 'Daily', 'Hourly'], 'schedules')
  const policy = (misfire, overlap) => ({
    'If the server did not run then': to('policy.misfire', misfire, misfire === 'Leave it out' ? 'skip' : 'run_once'),
    'If the last one still runs': to('policy.overlap', overlap, overlap === 'Leave the new one out' ? 'skip' : 'queue'),
  })
  const answer = async () => {
    const all = [...(await call(page, 'GET', `project/${project.id}/schedules`)), ...(await call(page, 'GET', `project/${project.id}/templates/${template.id}/schedules`))]
    assert(all.length === 1, `${all.length} schedules`)
    const of = `project/${project.id}/schedules/${all[0].id}`
    const stored = opened(await call(page, 'GET', of))
    return { ...stored, run_at: stored.run_at && Date.parse(stored.run_at), policy: await call(page, 'GET', `${of}/policy`) }
  }
  const condition = 'Only if there is a new commit in'
  const cron = (expression, zone) => ({ 'Cron expression': seen(expression), 'Time zone': to('cron_format', zone, `CRON_TZ=${zone} ${expression}`) })
  await walk(page, other, {
    name: 'schedule',
    ...list,
    answer,
    plans: [
      { Name: to('name', 'Nightly'), Template: to('template_id', 'Everything', template.id), 'How often': left(to('type', 'Again and again', ''), 'the next one changes it'), ...cron('30 4 * * *', 'Asia/Tokyo'), [condition]: left(to('repository_id', '', null), 'below'), Active: to('active', false), ...policy('Run once as soon as it is back', 'Leave the new one out'), ...kept(1, second, true) },
      { Name: to('name', 'Once'), Template: to('template_id', 'Simple', simple.id), 'How often': to('type', 'Once', 'run_at'), When: to('run_at', '2090-06-01T10:00', Date.parse('2090-06-01T08:00:00Z')), 'Delete the schedule after its run': to('delete_after_run', true), Active: to('active', true), ...policy('Leave it out', 'Let the new one wait'), Message: to('task_params.message', 'Once only') },
      { Name: to('name', 'Hourly'), Template: to('template_id', 'Cloud', infrastructure.id), 'How often': to('type', 'Again and again', ''), ...cron('5 * * * *', 'Europe/Madrid'), [condition]: left(to('repository_id', '', null), 'below'), Active: to('active', false), ...policy('Run once as soon as it is back', 'Leave the new one out'),
        'Plan only': to('task_params.params.plan', true), Destroy: to('task_params.params.destroy', true), 'Approve by itself': to('task_params.params.auto_approve', true), Upgrade: to('task_params.params.upgrade', true), Reconfigure: to('task_params.params.reconfigure', true), 'Further arguments': to('task_params.arguments', '-no-color', ['-no-color']), Message: to('task_params.message', 'Each hour') },
    ],
  })
  const [stored] = await call(page, 'GET', `project/${project.id}/schedules`)
  await call(page, 'DELETE', `project/${project.id}/schedules/${stored.id}`)
  const waiting = (page) => page.goto(`${base}/project/${project.id}/templates/${template.id}/schedules`)
  await walk(page, other, {
    name: 'schedule that waits for a commit',
    fresh: async (page) => {
      await waiting(page)
      await page.getByRole('button', { name: 'New schedule' }).click()
    },
    open: async (page) => {
      await waiting(page)
      await page.getByRole('button', { name: /^Change (On a commit|Daily)$/ }).click()
    },
    answer,
    plans: [
      { Name: to('name', 'On a commit'), Template: left(to('template_id', 'Everything', template.id), 'it is the one of the page'), 'How often': left(to('type', 'Again and again', ''), 'above'), ...cron('*/10 * * * *', 'Asia/Tokyo'), [condition]: to('repository_id', 'Remote', remote.id), ...policy('Run once as soon as it is back', 'Leave the new one out'), ...kept(3, second, true) },
      { Name: to('name', 'Daily'), Template: left(to('template_id', 'Everything', template.id), 'it is the one of the page'), 'How often': left(to('type', 'Again and again', ''), 'above'), ...cron('0 0 * * *', 'Europe/Madrid'), [condition]: to('repository_id', '', null), Active: to('active', false), ...policy('Leave it out', 'Let the new one wait'), ...kept(4, project.inventory, false) },
    ],
  })
}

async function integrations([page, other]) {
  const [vault] = (await call(page, 'GET', `project/${project.id}/keys`)).filter((key) => key.name === 'Vault password')
  const login = await project.of('keys', { name: 'Login of a sender', type: 'login_password', login_password: { login: 'sender', password: 'secret' } })
  const templates = await call(page, 'GET', `project/${project.id}/templates`)
  const idOf = (name) => templates.find((each) => each.name === name).id
  const second = (await call(page, 'GET', `project/${project.id}/inventory`)).find((each) => each.name === 'Second')
  const names = ['Pushes', 'Merges', 'Bucket', 'Tokens', 'Signed', 'Plain']
  const list = listed('integrations', 'New integration', names)
  const own = to('searchable', 'At addresses of its own, to every request', false)
  const shared = to('searchable', 'At the addresses of the project, to requests that fit its rules', true)
  const simple = (name, method, value, more) => ({ Name: to('name', name), Template: to('template_id', 'Simple', idOf('Simple')), 'The sender proves itself by': to('auth_method', method, value), ...more, Message: to('task_params.message', name) })
  const all = (name, method, value, more) => ({ Name: to('name', name), Template: to('template_id', 'Everything', idOf('Everything')), 'The sender proves itself by': to('auth_method', method, value), ...more })
  const key = (which) => ({ 'Key with the secret': to('auth_secret_id', which.name, which.id) })
  await walk(page, other, {
    name: 'integration',
    ...list,
    answer: async () => opened(await list.answer()),
    plans: [
      { ...all('Pushes', 'GitHub', 'github', key(vault)), 'Where it listens': shared, ...kept(1, second, true) },
      { ...simple('Bucket', 'Bitbucket', 'bitbucket', key(login)), 'Where it listens': own },
      { ...all('Tokens', 'Token in a header', 'token', key(vault)), Header: to('auth_header', 'X-Token'), 'Where it listens': shared, ...kept(2, second, true) },
      { ...simple('Signed', 'HMAC in a header', 'hmac', key(login)), Header: to('auth_header', 'X-Signature'), 'Where it listens': own },
      { ...all('Merges', 'User name and password', 'basic', key(vault)), 'Where it listens': shared, ...kept(3, second, true) },
      { ...simple('Plain', 'Nothing: who knows the address may', '', {}), 'Where it listens': own },
    ],
  })
  const [integration] = await call(page, 'GET', `project/${project.id}/integrations`)
  await call(page, 'PUT', `project/${project.id}/integrations/${integration.id}`, { ...integration, searchable: true })
  const rules = (kind, button, names) => ({
    fresh: async (page) => {
      await page.goto(`${base}/project/${project.id}/integrations/${integration.id}`)
      await page.getByRole('button', { name: button, exact: true }).click()
    },
    open: async (page) => {
      await page.goto(`${base}/project/${project.id}/integrations/${integration.id}`)
      await page.getByRole('button', { name: new RegExp(`^Change (${names.join('|')})$`) }).click()
    },
    answer: async () => (await call(page, 'GET', `project/${project.id}/integrations/${integration.id}/${kind}`))[0],
  })
  await walk(page, other, {
    name: 'rule of an integration',
    ...rules('matchers', 'New rule', ['Branch', 'Event', 'Words']),
    plans: [
      { Name: to('name', 'Event'), 'Look in': to('match_type', 'Header', 'header'), Header: to('key', 'X-Event'), Comparison: to('method', 'contains', 'contains'), Value: to('value', 'push') },
      { Name: to('name', 'Branch'), 'Look in': to('match_type', 'Body', 'body'), 'The body is': left(to('body_data_type', 'JSON', 'json'), 'the next one changes it'), Key: to('key', 'ref'), Comparison: to('method', 'equals', 'equals'), Value: to('value', 'main') },
      { Name: to('name', 'Words'), 'Look in': left(to('match_type', 'Body', 'body'), 'above'), 'The body is': to('body_data_type', 'Text', 'string'), Key: to('key', 'words'), Comparison: to('method', 'does not equal', 'unequals'), Value: to('value', 'stable') },
    ],
  })
  await walk(page, other, {
    name: 'value of an integration',
    ...rules('values', 'New value', ['Commit', 'Whole', 'Version']),
    plans: [
      { Name: to('name', 'Commit'), 'Take from': to('value_source', 'Header', 'header'), Header: to('key', 'X-Commit'), 'Use it as': to('variable_type', 'Parameter of the task', 'task'), Variable: to('variable', 'commit') },
      { Name: to('name', 'Version'), 'Take from': to('value_source', 'Body', 'body'), 'The body is': left(to('body_data_type', 'JSON', 'json'), 'the next one changes it'), Key: to('key', 'release.name'), 'Use it as': to('variable_type', 'Variable', 'environment'), Variable: to('variable', 'version') },
      { Name: to('name', 'Whole'), 'Take from': left(to('value_source', 'Body', 'body'), 'above'), 'The body is': to('body_data_type', 'Text', 'string'), 'Use it as': to('variable_type', 'Parameter of the task', 'task'), Variable: to('variable', 'all') },
    ],
  })
}

async function addresses([page, other]) {
  const workspace = await project.of('inventory', { name: 'Addressed', type: 'tofu-workspace', inventory: 'addressed' })
  const keys = (await call(page, 'GET', `project/${project.id}/keys`)).filter((key) => key.type === 'login_password')
  const open = (button) => async (page) => {
    await page.goto(`${base}/project/${project.id}/inventory/${workspace.id}/states`)
    await page.getByRole('button', { name: button }).click()
  }
  const login = keys.find((key) => key.name === 'Login of a sender')
  const vault = keys.find((key) => key.name === 'Vault password')
  const firstIsLogin = keys[0].id === login.id
  await walk(page, other, {
    name: 'address of a state',
    fresh: open('New address'),
    open: open(/^Another key for/),
    answer: async () => (await call(page, 'GET', `project/${project.id}/inventory/${workspace.id}/terraform/aliases`))[0],
    plans: (firstIsLogin ? [vault, login] : [login, vault]).map((key) => ({ Key: to('auth_key_id', key.name, key.id) })),
  })
}
