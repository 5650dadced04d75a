/** One function for each API call of the pages. */
import type { Referrers, ResourceKind } from '@/resource/shapes'
import { firstEvent, request, requestList as list } from './client'
import type {
  ApiToken,
  FoundLines,
  HostKeys,
  InventoryPolicy,
  JobStage,
  LoginMethods,
  NewTask,
  Project,
  ProjectMember,
  ProjectRole,
  Repository,
  SecondFactor,
  Task,
  TaskListItem,
  TaskOutput,
  TaskReason,
  Template,
  TemplateInventory,
  User,
} from './types'

/** The server gives no more lines at once. */
export const MOST_LINES = 10_000

export type OutputPart = { readonly offset: number; readonly limit: number } | { readonly tail: number }

export const api = {
  loginMethods: (signal?: AbortSignal) =>
    request<LoginMethods>('GET', 'auth/login', { signal, ownAuthentication: true }),
  login: (auth: string, password: string) =>
    request<null>('POST', 'auth/login', { body: { auth, password }, ownAuthentication: true }),
  verify: (passcode: string) =>
    request<null>('POST', 'auth/verify', { body: { passcode }, ownAuthentication: true }),
  loginByEmail: (email: string) =>
    request<null>('POST', 'auth/login/email', { body: { email }, ownAuthentication: true }),
  resendCode: () => request<null>('POST', 'auth/login/email/resend', { ownAuthentication: true }),
  recover: (code: string) =>
    request<null>('POST', 'auth/recovery', { body: { recovery_code: code }, ownAuthentication: true }),
  logout: () => request<null>('POST', 'auth/logout', { ownAuthentication: true }),
  user: () => request<User>('GET', 'user', { ownAuthentication: true }),

  updateUser: (user: User) => request<null>('PUT', `users/${user.id}`, { body: user }),
  setPassword: (user: number, password: string) =>
    request<null>('POST', `users/${user}/password`, { body: { password } }),
  enableSecondFactor: (user: number) => request<SecondFactor>('POST', `users/${user}/2fas/totp`),
  disableSecondFactor: (user: number, factor: number) => request<null>('DELETE', `users/${user}/2fas/totp/${factor}`),
  tokens: (signal?: AbortSignal) => list<ApiToken>('user/tokens', signal),
  createToken: () => request<ApiToken>('POST', 'user/tokens'),
  deleteToken: (token: string) => request<null>('DELETE', `user/tokens/${encodeURIComponent(token)}`),
  acceptInvite: (token: string) => request<{ project_id: number }>('POST', 'invites/accept', { body: { token } }),

  projects: (signal?: AbortSignal) => list<Project>('projects', signal),
  // A project without max_parallel_tasks has no limit of its own.
  createProject: (name: string) => request<Project>('POST', 'projects', { body: { name } }),
  project: (project: number, signal?: AbortSignal) => request<Project>('GET', `project/${project}`, { signal }),
  role: (project: number, signal?: AbortSignal) => request<ProjectRole>('GET', `project/${project}/role`, { signal }),
  members: (project: number, signal?: AbortSignal) => list<ProjectMember>(`project/${project}/users`, signal),
  inventoryPolicy: (project: number, id: number, signal?: AbortSignal) => request<InventoryPolicy>('GET', `project/${project}/inventory/${id}/policy`, { signal }),
  setInventoryPolicy: (project: number, id: number, policy: InventoryPolicy) => request<null>('PUT', `project/${project}/inventory/${id}/policy`, { body: policy }),
  /** What an app can work on: inventories that belong to no template, and before them those of the template. */
  inventories: async (project: number, app: string, template?: number, signal?: AbortSignal): Promise<TemplateInventory[]> => {
    const of = `project/${project}/inventory?app=${encodeURIComponent(app)}`
    const own = template === undefined ? [] : list<TemplateInventory>(`${of}&template_id=${template}`, signal)
    return (await Promise.all([own, list<TemplateInventory>(of, signal)])).flat()
  },
  repositories: (project: number, signal?: AbortSignal) =>
    list<Repository>(`project/${project}/repositories`, signal),

  /** Whole names, as the repository's host has them at this moment. */
  branches: (project: number, repository: number, signal?: AbortSignal) =>
    list<string>(`project/${project}/repositories/${repository}/branches?extended=true`, signal),

  resources: <T>(project: number, kind: ResourceKind, signal?: AbortSignal) => list<T>(`project/${project}/${kind}`, signal),
  resource: <T>(project: number, kind: ResourceKind, id: number) => request<T>('GET', `project/${project}/${kind}/${id}`),
  createResource: (project: number, kind: ResourceKind, body: object) =>
    request<unknown>('POST', `project/${project}/${kind}`, { body: { ...body, project_id: project } }),
  updateResource: (project: number, kind: ResourceKind, id: number, body: object) =>
    request<unknown>('PUT', `project/${project}/${kind}/${id}`, { body: { ...body, id, project_id: project } }),
  deleteResource: (project: number, kind: ResourceKind, id: number) => request<null>('DELETE', `project/${project}/${kind}/${id}`),
  referrers: (project: number, kind: ResourceKind, id: number) =>
    request<Referrers>('GET', `project/${project}/${kind}/${id}/refs`),

  hostKeys: (project: number, signal?: AbortSignal) =>
    request<HostKeys>('GET', `project/${project}/host_keys`, { signal }),
  setHostKeys: (project: number, keys: HostKeys) =>
    request<null>('PUT', `project/${project}/host_keys`, { body: keys }),

  templates: (project: number, signal?: AbortSignal) => list<Template>(`project/${project}/templates`, signal),
  template: (project: number, template: number, signal?: AbortSignal) =>
    request<Template>('GET', `project/${project}/templates/${template}`, { signal }),

  lastTasks: (project: number, limit: number, template?: number, signal?: AbortSignal) =>
    list<TaskListItem>(
      template === undefined
        ? `project/${project}/tasks/last?limit=${limit}`
        : `project/${project}/templates/${template}/tasks/last?limit=${limit}`,
      signal,
    ),
  createTask: (project: number, task: NewTask) => request<Task>('POST', `project/${project}/tasks`, { body: task }),
  task: (project: number, task: number, signal?: AbortSignal) =>
    request<Task>('GET', `project/${project}/tasks/${task}`, { signal }),
  taskReason: (project: number, task: number, signal?: AbortSignal) =>
    request<TaskReason>('GET', `project/${project}/tasks/${task}/status`, { signal }),
  jobStages: (project: number, task: number, signal?: AbortSignal) =>
    list<JobStage>(`project/${project}/tasks/${task}/stages?extended=true`, signal),
  /** Records of the output: behind the first `offset` ones, or the last `tail` ones; never more than MOST_LINES. */
  output: async (project: number, task: number, part: OutputPart, signal?: AbortSignal): Promise<string[]> => {
    const query = 'tail' in part ? `tail=${part.tail}` : `offset=${part.offset}&limit=${part.limit}`
    return (await list<TaskOutput>(`project/${project}/tasks/${task}/output?${query}`, signal)).map((line) => line.output)
  },
  /** How many records the output has: the status that the server tells to somebody who has seen all of them. */
  outputLength: async (project: number, task: number, signal?: AbortSignal): Promise<number> => {
    const path = `project/${project}/tasks/${task}/events?since=${Number.MAX_SAFE_INTEGER}`
    const status = await firstEvent<{ line: number }>(path, 'status', signal)
    return status?.line ?? 0
  },
  searchOutput: (project: number, task: number, text: string, signal?: AbortSignal) =>
    request<FoundLines>('GET', `project/${project}/tasks/${task}/output/search?ignore_case=true&limit=${MOST_LINES}&q=${encodeURIComponent(text)}`, { signal }),
  rawOutput: (project: number, task: number, signal?: AbortSignal) =>
    request<string>('GET', `project/${project}/tasks/${task}/raw_output`, { as: 'text', signal }),
  stopTask: (project: number, task: number, force: boolean) =>
    request<null>('POST', `project/${project}/tasks/${task}/stop`, { body: { force } }),
  deleteTask: (project: number, task: number) => request<null>('DELETE', `project/${project}/tasks/${task}`),
  confirmTask: (project: number, task: number) =>
    request<null>('POST', `project/${project}/tasks/${task}/confirm`, { body: {} }),
  rejectTask: (project: number, task: number) =>
    request<null>('POST', `project/${project}/tasks/${task}/reject`, { body: {} }),
}

export type Api = typeof api
