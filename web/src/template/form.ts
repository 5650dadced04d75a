/** The form of a template: what it holds, what is wrong with it, and the body that is sent. Nothing here asks the server. */
import type { SurveyVariable, Template, TemplateVault } from '@/api/types'
import { t } from '@/language/translate'
import type { Problems } from '@/resource/shapes'
import { argumentsList, argumentsText, isAnsible, isTerraform, nameList, stageArguments } from '@/run/request'

/** A row of an editable list; `key` tells it from the others while their order changes. */
export type Row<T> = T & { key: number }

export interface SurveyRow {
  name: string
  title: string
  type: '' | 'int' | 'enum' | 'secret'
  required: boolean
  description: string
  default_value: string
  values: { name: string; value: string }[]
}

export interface VaultRow {
  id: number
  name: string
  type: 'password' | 'script'
  vault_key_id: number | null
  script: string
}

/** Lists are text as typed: names separated by commas, arguments one a line. */
export interface TemplateForm {
  id: number
  app: string
  type: '' | 'build' | 'deploy'
  name: string
  description: string
  playbook: string
  repository_id: number | null
  git_branch: string
  inventory_id: number | null
  environment_id: number | null
  view_id: number | null
  start_version: string
  build_template_id: number | null
  autorun: boolean
  arguments: string
  runner_tag: string
  allow_override_args_in_task: boolean
  allow_override_branch_in_task: boolean
  allow_parallel_tasks: boolean
  suppress_success_alerts: boolean
  survey: Row<SurveyRow>[]
  vaults: Row<VaultRow>[]
  limit: string
  tags: string
  skip_tags: string
  flags: Record<Flag, boolean>
  /** Parameters that this form does not show; they are sent as they came. */
  others: Record<string, unknown>
}

const ANSIBLE_FLAGS = ['allow_override_inventory', 'allow_override_limit', 'allow_override_tags', 'allow_override_skip_tags', 'allow_debug'] as const
const TERRAFORM_FLAGS = ['auto_approve', 'allow_auto_approve', 'allow_destroy'] as const
const LISTS = ['limit', 'tags', 'skip_tags'] as const
export type Flag = (typeof ANSIBLE_FLAGS)[number] | (typeof TERRAFORM_FLAGS)[number]

let lastKey = 0
export function row<T>(value: T): Row<T> {
  lastKey += 1
  return { ...value, key: lastKey }
}

export const newSurveyRow = () =>
  row<SurveyRow>({ name: '', title: '', type: '', required: false, description: '', default_value: '', values: [] })
export const newVaultRow = () => row<VaultRow>({ id: 0, name: '', type: 'password', vault_key_id: null, script: '' })

/** The form of a template as the server answered it, or of a new one for an app. */
export function templateForm(template: Template | null, app: string): TemplateForm {
  const known: Partial<Template> = template ?? { app, name: '', playbook: '' }
  const params = (known.task_params ?? {}) as Record<string, unknown>
  const others = Object.fromEntries(Object.entries(params).filter(([name]) => !isKnown(name)))
  const names = (name: string) => (Array.isArray(params[name]) ? params[name].join(', ') : '')
  return {
    id: known.id ?? 0,
    // A template without an app runs Ansible; the server wants its name as soon as one is saved.
    app: known.app || 'ansible',
    type: known.type ?? '',
    name: known.name ?? '',
    description: known.description ?? '',
    playbook: known.playbook ?? '',
    repository_id: known.repository_id ?? null,
    git_branch: known.git_branch ?? '',
    inventory_id: known.inventory_id ?? null,
    environment_id: known.environment_id ?? null,
    view_id: known.view_id ?? null,
    start_version: known.start_version ?? '',
    build_template_id: known.build_template_id ?? null,
    autorun: known.autorun === true,
    arguments: argumentsText(known.arguments),
    runner_tag: known.runner_tag ?? '',
    allow_override_args_in_task: known.allow_override_args_in_task === true,
    allow_override_branch_in_task: known.allow_override_branch_in_task === true,
    allow_parallel_tasks: known.allow_parallel_tasks === true,
    suppress_success_alerts: known.suppress_success_alerts === true,
    survey: (known.survey_vars ?? []).map(surveyRow),
    vaults: (known.vaults ?? []).map(vaultRow),
    limit: names('limit'),
    tags: names('tags'),
    skip_tags: names('skip_tags'),
    flags: Object.fromEntries([...ANSIBLE_FLAGS, ...TERRAFORM_FLAGS].map((flag) => [flag, params[flag] === true])) as Record<Flag, boolean>,
    others,
  }
}

/** The form of a copy: a new template with everything of the old one but its name and the numbers of its rows. */
export function copyForm(template: Template): TemplateForm {
  const form = templateForm(template, 'ansible')
  return { ...form, id: 0, name: t('{name} (copy)', { name: form.name }), vaults: form.vaults.map((vault) => ({ ...vault, id: 0 })) }
}

function surveyRow(variable: SurveyVariable): Row<SurveyRow> {
  return row({
    name: variable.name,
    title: variable.title,
    type: variable.type ?? '',
    required: variable.required === true,
    description: variable.description ?? '',
    default_value: variable.default_value ?? '',
    values: (variable.values ?? []).map((value) => ({ ...value })),
  })
}

function vaultRow(vault: TemplateVault): Row<VaultRow> {
  return row({
    id: vault.id,
    name: vault.name ?? '',
    type: vault.type === 'script' ? 'script' : 'password',
    vault_key_id: vault.vault_key_id ?? null,
    script: vault.script ?? '',
  })
}

function isKnown(name: string): boolean {
  return ([...ANSIBLE_FLAGS, ...TERRAFORM_FLAGS, ...LISTS] as string[]).includes(name)
}

/** Whether templates of the app work with an inventory or a workspace. */
export const wantsInventory = (app: string) => isAnsible(app) || isTerraform(app)

/** What is wrong with the form, by field; rows of lists are `survey-0`, `vault-0`. */
export function checkTemplate(form: TemplateForm): Problems {
  const problems: Problems = {}
  if (form.name.trim() === '') problems.name = t('Enter a name.')
  if (!isTerraform(form.app) && form.playbook.trim() === '') problems.playbook = isAnsible(form.app) ? t('Enter the path of the playbook.') : t('Enter the path of the script.')
  if (form.repository_id === null) problems.repository_id = t('Choose a repository.')
  if (isAnsible(form.app) && form.inventory_id === null) problems.inventory_id = t('Choose an inventory.')
  if (form.type === 'build' && form.start_version.trim() === '') problems.start_version = t('Enter the version of the first build, such as 1.0.0.')
  if (form.type === 'deploy' && form.build_template_id === null) problems.build_template_id = t('Choose the template whose builds are deployed.')
  if (form.arguments.trim().startsWith('{') && stageArguments(form.arguments) === null) {
    problems.arguments = t('This is not a JSON object of lists such as {example}.', { example: '{"plan": ["-refresh=false"]}' })
  }
  checkSurvey(form.survey, problems)
  if (isAnsible(form.app)) checkVaults(form.vaults, problems)
  return problems
}

function checkSurvey(rows: readonly SurveyRow[], problems: Problems): void {
  const seen = new Set<string>()
  for (const [index, variable] of rows.entries()) {
    const field = `survey-${index}`
    const name = variable.name.trim()
    if (name === '') problems[field] = t('Enter the name of the variable.')
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) problems[field] = t('Letters, digits and underscores only, no digit first.')
    else if (seen.has(name)) problems[field] = t('Another question has this name.')
    seen.add(name)
    const fallback = variable.default_value.trim()
    if (variable.type === 'enum') {
      const values = variable.values.filter((choice) => choice.value.trim() !== '' || choice.name.trim() !== '')
      if (values.length === 0) problems[`${field}-values`] = t('Add at least one choice.')
      else if (fallback !== '' && !values.some((choice) => choice.value === fallback)) problems[`${field}-default`] = t('This is the value of no choice.')
    } else if (variable.type === 'int' && fallback !== '' && !/^[+-]?\d+$/.test(fallback)) {
      problems[`${field}-default`] = t('This is not a whole number.')
    }
  }
}

function checkVaults(rows: readonly VaultRow[], problems: Problems): void {
  const seen = new Set<string>()
  for (const [index, vault] of rows.entries()) {
    const name = vault.name.trim()
    if (seen.has(name)) problems[`vault-${index}-name`] = name === '' ? t('Only one vault may be without a name.') : t('Another vault has this name.')
    seen.add(name)
    if (vault.type === 'password' && vault.vault_key_id === null) problems[`vault-${index}`] = t('Choose the key that holds the password.')
    if (vault.type === 'script' && vault.script.trim() === '') problems[`vault-${index}`] = t('Enter the path of the script.')
  }
}

/** The body of a request. What does not belong to the app or the type is left out. */
export function templateBody(form: TemplateForm): object {
  const optional = (text: string) => (text.trim() === '' ? null : text.trim())
  return {
    app: form.app,
    type: form.type,
    name: form.name.trim(),
    description: form.description.trim(),
    playbook: form.playbook.trim(),
    repository_id: form.repository_id,
    git_branch: optional(form.git_branch),
    inventory_id: wantsInventory(form.app) ? form.inventory_id : null,
    environment_id: form.environment_id,
    view_id: form.view_id,
    start_version: form.type === 'build' ? form.start_version.trim() : null,
    build_template_id: form.type === 'deploy' ? form.build_template_id : null,
    autorun: form.type === 'deploy' && form.autorun,
    arguments: stageArguments(form.arguments) ?? argumentsList(form.arguments),
    runner_tag: optional(form.runner_tag),
    allow_override_args_in_task: form.allow_override_args_in_task,
    allow_override_branch_in_task: form.allow_override_branch_in_task,
    allow_parallel_tasks: form.allow_parallel_tasks,
    suppress_success_alerts: form.suppress_success_alerts,
    survey_vars: form.survey.map(surveyBody),
    vaults: isAnsible(form.app) ? form.vaults.map(vaultBody) : [],
    task_params: parameters(form),
  }
}

function surveyBody(variable: SurveyRow): SurveyVariable {
  return {
    name: variable.name.trim(),
    title: variable.title.trim() || variable.name.trim(),
    type: variable.type,
    required: variable.required,
    description: variable.description.trim(),
    // A default of a secret would be readable by everybody.
    default_value: variable.type === 'secret' ? '' : variable.default_value.trim(),
    values: variable.type === 'enum' ? choices(variable) : [],
  }
}

/** The choices that have something in them; a value without a name, or a name without a value, is both. */
function choices(variable: SurveyRow): { name: string; value: string }[] {
  return variable.values
    .map(({ name, value }) => ({ name: name.trim() || value.trim(), value: value.trim() || name.trim() }))
    .filter((choice) => choice.value !== '')
}

function vaultBody(vault: VaultRow): TemplateVault {
  const name = vault.name.trim() === '' ? null : vault.name.trim()
  return vault.type === 'script'
    ? { id: vault.id, name, type: 'script', script: vault.script.trim(), vault_key_id: null }
    : { id: vault.id, name, type: 'password', vault_key_id: vault.vault_key_id, script: null }
}

function parameters(form: TemplateForm): Record<string, unknown> {
  const params: Record<string, unknown> = { ...form.others }
  if (isAnsible(form.app)) {
    for (const list of LISTS) {
      const names = nameList(form[list])
      if (names.length > 0) params[list] = names
    }
    for (const flag of ANSIBLE_FLAGS) if (form.flags[flag]) params[flag] = true
  } else if (isTerraform(form.app)) {
    for (const flag of TERRAFORM_FLAGS) if (form.flags[flag]) params[flag] = true
  }
  return params
}
