import type { NewTask, Task, Template } from '@/api/types'
import { initialValues, splitValues, type SurveyValues } from './survey'

/** Everything the Run dialog can set. Lists are text as typed: names separated by commas, arguments one a line. */
export interface RunForm {
  message: string
  survey: SurveyValues
  dryRun: boolean
  diff: boolean
  debug: boolean
  debugLevel: number
  limit: string
  tags: string
  skipTags: string
  branch: string
  arguments: string
  inventory: number | null
  build: number | null
  plan: boolean
  destroy: boolean
  autoApprove: boolean
  upgrade: boolean
  reconfigure: boolean
}

export const isAnsible = (app: string | undefined) => (app ?? '') === '' || app === 'ansible'
export const isTerraform = (app: string | undefined) => app === 'terraform' || app === 'tofu' || app === 'terragrunt'

/** The form at first; `source` is the task that is run again. */
export function initialForm(template: Template, source: Partial<Task> | null = null): RunForm {
  const params = source?.params ?? {}
  const fixed = template.task_params ?? {}
  const names = (value: unknown, otherwise: string[] | null | undefined) =>
    (Array.isArray(value) ? value : (otherwise ?? [])).join(', ')
  return {
    message: source?.message ?? '',
    survey: initialValues(template.survey_vars ?? [], jsonObject(source?.environment)),
    dryRun: params.dry_run === true,
    diff: params.diff === true,
    debug: params.debug === true,
    debugLevel: typeof params.debug_level === 'number' && params.debug_level > 0 ? params.debug_level : 4,
    limit: names(params.limit, fixed.limit),
    tags: names(params.tags, fixed.tags),
    skipTags: names(params.skip_tags, fixed.skip_tags),
    branch: source?.git_branch ?? template.git_branch ?? '',
    arguments: argumentsText(source?.arguments),
    inventory: source?.inventory_id ?? template.inventory_id ?? null,
    build: source?.build_task_id ?? null,
    plan: params.plan === true,
    destroy: params.destroy === true,
    autoApprove: params.auto_approve === true,
    upgrade: params.upgrade === true,
    reconfigure: params.reconfigure === true,
  }
}

/** The text itself if it gives the Terraform family arguments by stage, `{"plan": ["-a"]}`; `null` for anything else. */
export function stageArguments(text: string): string | null {
  if (!text.trim().startsWith('{')) return null
  try {
    const stages: unknown = JSON.parse(text)
    const isList = (list: unknown) => Array.isArray(list) && list.every((argument) => typeof argument === 'string')
    return typeof stages === 'object' && stages !== null && Object.values(stages).every(isList) ? text.trim() : null
  } catch {
    return null
  }
}

/** The body of POST /tasks. Only what the template allows is sent, whatever the form holds. */
export function newTask(template: Template, form: RunForm): NewTask {
  const { environment, secret } = splitValues(template.survey_vars ?? [], form.survey)
  const allowed = template.task_params ?? {}
  const task: NewTask = {
    template_id: template.id,
    environment: JSON.stringify(environment),
    secret: JSON.stringify(secret),
  }
  const message = form.message.trim()
  if (message !== '') task.message = message
  if (template.allow_override_branch_in_task && form.branch.trim() !== '') task.git_branch = form.branch.trim()
  if (template.allow_override_args_in_task && form.arguments.trim() !== '') {
    const stages = isTerraform(template.app) ? stageArguments(form.arguments) : null
    task.arguments = stages ?? argumentsList(form.arguments)
  }
  if (allowed.allow_override_inventory && form.inventory !== null) task.inventory_id = form.inventory
  if (template.type === 'deploy' && form.build !== null) task.build_task_id = form.build

  const params: Record<string, unknown> = {}
  if (isAnsible(template.app)) {
    if (form.dryRun) params.dry_run = true
    if (form.diff) params.diff = true
    if (allowed.allow_debug && form.debug) Object.assign(params, { debug: true, debug_level: form.debugLevel })
    if (allowed.allow_override_limit) params.limit = nameList(form.limit)
    if (allowed.allow_override_tags) params.tags = nameList(form.tags)
    if (allowed.allow_override_skip_tags) params.skip_tags = nameList(form.skipTags)
  } else if (isTerraform(template.app)) {
    if (form.plan) params.plan = true
    if (allowed.allow_destroy && form.destroy) params.destroy = true
    if (allowed.allow_auto_approve && form.autoApprove) params.auto_approve = true
    if (form.upgrade) params.upgrade = true
    if (form.reconfigure) params.reconfigure = true
  }
  if (Object.keys(params).length > 0) task.params = params
  return task
}

/** Names separated by commas, without empty ones. */
export function nameList(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** Stored arguments as the form shows them: one a line, or, what lines cannot carry, as they are stored. */
export function argumentsText(stored: string | null | undefined): string {
  const stages = stageArguments(stored ?? '')
  if (stages !== null) return stages
  const list = jsonList(stored)
  const lines = list.join('\n')
  return argumentsList(lines) === JSON.stringify(list) ? lines : JSON.stringify(list)
}

/** The list that a text means: a JSON list of texts, or one argument a line. */
export function argumentsList(text: string): string {
  const list = parsed(text)
  return JSON.stringify(Array.isArray(list) && list.every((each) => typeof each === 'string') ? list : argumentLines(text))
}

/** Arguments one a line. Spaces inside belong to the argument: nothing is split like a shell would. */
export function argumentLines(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/\r$/, '')).filter((line) => line.trim() !== '')
}

function jsonObject(text: string | null | undefined): Record<string, unknown> {
  const value = parsed(text)
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

export function jsonList(text: string | null | undefined): string[] {
  const value = parsed(text)
  return Array.isArray(value) ? value.map(String) : []
}

function parsed(text: string | null | undefined): unknown {
  if (!text) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What a schedule or an integration keeps for its tasks. */
export interface KeptParameters {
  environment?: string
  arguments?: string | null
  git_branch?: string | null
  message?: string
  version?: string | null
  inventory_id?: number | null
  params?: Record<string, unknown>
}

/** The part of a new task that can be kept: everything but secrets, which nothing would hide, and a certain build. */
export function keptParameters(template: Template, form: RunForm): KeptParameters {
  const { environment, arguments: given, git_branch, message, inventory_id, params } = newTask(template, form)
  return { environment, arguments: given ?? null, git_branch: git_branch ?? null, message: message ?? '', inventory_id: inventory_id ?? null, params: params ?? {} }
}
