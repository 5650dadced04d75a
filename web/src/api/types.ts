/** Shapes of the REST API and of the WebSocket frames, as far as the pages use them. Field names are the server's. */

export type TaskStatus =
  | 'waiting'
  | 'starting'
  | 'waiting_confirmation'
  | 'confirmed'
  | 'rejected'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'success'
  | 'error'

/** Why a task is as it is. */
export interface TaskReason {
  status: TaskStatus
  /** What its job does at the moment. */
  stage?: string
  start: string | null
  end: string | null
  problems: TaskProblem[]
  /** While it waits. */
  waiting?: WaitingReason
}

/** What a waiting task waits for. */
export interface WaitingReason {
  code: string
  /** For people. */
  message: string
  task_id?: number
  /** How many tasks of the project wait for longer. */
  ahead: number
}

export interface TaskProblem {
  code: string
  /** For people: what, why, and what to do. */
  message: string
  time: string
}

/** What a plan of the Terraform family would do to how many resources. */
export interface PlanSummary {
  add: number
  change: number
  destroy: number
  import: number
}

/** A part of a task's job. */
export interface JobStage {
  stage: string
  start: string
  end: string | null
  plan?: PlanSummary
}

export type HostKeyMode = 'off' | 'accept-new' | 'strict'

/** What a project knows about the keys of hosts. */
export interface HostKeys {
  mode: HostKeyMode
  /** Lines of a known_hosts file. */
  known_hosts: string
}

export interface User {
  id: number
  username: string
  name: string
  email: string
  admin: boolean
  can_create_project?: boolean
  /** The password lies elsewhere: a directory or an OpenID Connect provider. */
  external?: boolean
  /** Wants alerts by e-mail. */
  alert?: boolean
  totp?: SecondFactor | null
}

/** One-time codes of an app. The recovery code is in the answer that sets them up, never again. */
export interface SecondFactor {
  id: number
  created: string
  recovery_code?: string
}

/** An API token. The whole of it is in the answer that makes it; lists have its first characters. */
export interface ApiToken {
  id: string
  created: string
  expired: boolean
}

export interface OpenIdProvider {
  id: string
  name: string
  color?: string
}

export interface LoginMethods {
  oidc_providers?: OpenIdProvider[] | null
  login_with_password: boolean
  auth_methods?: { totp?: { allow_recovery?: boolean }; email?: object }
}

export interface Project {
  id: number
  name: string
  created: string
  alert?: boolean
  alert_chat?: string | null
  max_parallel_tasks?: number
}

export interface ProjectRole {
  role: string
  /** Bits: 1 run tasks, 2 update the project, 4 manage resources, 8 manage users. */
  permissions: number
}

export interface ProjectMember {
  id: number
  username: string
  name: string
}

export interface SurveyVariable {
  name: string
  title: string
  required?: boolean
  /** Empty or absent: text. */
  type?: '' | 'int' | 'enum' | 'secret'
  description?: string
  values?: { name: string; value: string }[]
  default_value?: string
}

/** Parameters that a template fixes or lets a task override; which of them exist depends on the app. */
export interface TemplateParameters {
  allow_debug?: boolean
  allow_override_inventory?: boolean
  allow_override_limit?: boolean
  allow_override_tags?: boolean
  allow_override_skip_tags?: boolean
  allow_destroy?: boolean
  allow_auto_approve?: boolean
  limit?: string[] | null
  tags?: string[] | null
  skip_tags?: string[] | null
  auto_approve?: boolean
}

/** A password or script that opens what Ansible Vault has locked. */
export interface TemplateVault {
  id: number
  name?: string | null
  type: 'password' | 'script' | ''
  vault_key_id?: number | null
  script?: string | null
}

export interface Template {
  id: number
  project_id: number
  name: string
  playbook: string
  app?: string
  type?: '' | 'build' | 'deploy'
  description?: string | null
  arguments?: string | null
  git_branch?: string | null
  inventory_id?: number | null
  repository_id: number
  environment_id?: number | null
  build_template_id?: number | null
  start_version?: string | null
  allow_override_args_in_task?: boolean
  allow_override_branch_in_task?: boolean
  allow_parallel_tasks?: boolean
  survey_vars?: SurveyVariable[] | null
  task_params?: TemplateParameters | null
  last_task?: TaskListItem | null
  tasks: number
  view_id?: number | null
  vaults?: TemplateVault[] | null
  /** A deploy template: runs by itself after each successful build. */
  autorun?: boolean
  suppress_success_alerts?: boolean
  runner_tag?: string | null
  /** In lists: what the own role may do with this template, beside what it may do in the project. */
  permissions?: number | null
}

export interface Task {
  id: number
  template_id: number
  project_id: number
  status: TaskStatus
  user_id?: number | null
  schedule_id?: number | null
  integration_id?: number | null
  created: string
  start?: string | null
  end?: string | null
  message?: string
  commit_hash?: string | null
  commit_message?: string
  version?: string | null
  build_task_id?: number | null
  environment?: string
  arguments?: string | null
  git_branch?: string | null
  inventory_id?: number | null
  params?: Record<string, unknown> | null
}

/** A task as the lists give it: with names of its template and its user. */
export interface TaskListItem extends Task {
  tpl_playbook?: string
  tpl_alias?: string
  tpl_app?: string
  tpl_type?: string
  user_name?: string | null
  build_task?: Task | null
}

/** What a search in the output of a task found. */
export interface FoundLines {
  hits: { line: number; output: string }[]
  last_line: number
  complete: boolean
}

export interface TaskOutput {
  id: number
  task_id: number
  time: string
  output: string
}

export interface NamedObject {
  id: number
  name: string
}

/** An inventory as templates choose it; a workspace belongs to the template that uses it. */
export interface TemplateInventory extends NamedObject {
  inventory: string
  template_id: number | null
}

/** How the tasks of one inventory share its hosts. */
export interface InventoryPolicy {
  exclusive: boolean
}

export interface Repository extends NamedObject {
  git_url: string
  git_branch: string
}

/** Body of POST /tasks. `environment` and `secret` are JSON objects as text, `arguments` a JSON array as text. */
export interface NewTask {
  template_id: number
  message?: string
  environment?: string
  secret?: string
  arguments?: string
  git_branch?: string
  inventory_id?: number
  build_task_id?: number
  params?: Record<string, unknown>
}

export interface UpdateFrame {
  type: 'update'
  project_id: number
  task_id: number
  template_id: number
  status: TaskStatus
  start: string | null
  end: string | null
  version: string | null
}

/** Lines of a task in the order of its output, counted from 1: `first` to `last`. */
export interface LinesFrame {
  type: 'lines'
  project_id: number
  task_id: number
  first: number
  last: number
  lines: { time: string; output: string }[]
}

/** The task that was asked for was deleted, or may not be seen any more. */
export interface GoneFrame {
  type: 'gone'
  task_id: number
}

/** A line that has no end yet; not a frame of the Go server. An empty text: it is complete, or was taken back. */
export interface PartialFrame {
  type: 'partial'
  project_id: number
  task_id: number
  stream: 'stdout' | 'stderr' | 'system' | 'terminal'
  output: string
}

export type Frame = UpdateFrame | LinesFrame | PartialFrame | GoneFrame
