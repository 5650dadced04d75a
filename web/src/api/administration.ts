/** Calls that only administrators may make. */
import { request, requestList } from './client'
import type { App } from './templates'
import type { TaskStatus, User } from './types'

/** What is stored of an account; an empty password leaves it as it is. */
export interface UserBody {
  username: string
  name: string
  email: string
  admin: boolean
  external: boolean
  alert: boolean
  password?: string
}

/** A task of any project that waits or runs. */
export interface ActiveTask {
  task_id: number
  project_id: number
  username?: string
  status: TaskStatus
  location: 'queue' | 'running'
}

export interface Runner {
  id: number
  project_id: number | null
  name: string
  tag: string
  webhook: string
  max_parallel_tasks: number
  active: boolean
  /** When it was heard of last. */
  touched: string | null
}

/** What a new runner is told once. */
export interface NewRunner extends Runner {
  token: string
  private_key: string
}

export const adminApi = {
  users: (signal?: AbortSignal) => requestList<User>('users', signal),
  createUser: (body: UserBody) => request<User>('POST', 'users', { body }),
  updateUser: (id: number, body: UserBody) => request<null>('PUT', `users/${id}`, { body: { ...body, id } }),
  user: (id: number) => request<User>('GET', `users/${id}`),
  deleteUser: (id: number) => request<null>('DELETE', `users/${id}`),

  tasks: (signal?: AbortSignal) => requestList<ActiveTask>('tasks', signal),
  stopTask: (id: number) => request<null>('DELETE', `tasks/${id}`),

  runners: (signal?: AbortSignal) => requestList<Runner>('runners', signal),
  createRunner: (body: object) => request<NewRunner>('POST', 'runners', { body }),
  updateRunner: (id: number, body: object) => request<null>('PUT', `runners/${id}`, { body: { ...body, id } }),
  setRunnerActive: (id: number, active: boolean) => request<null>('POST', `runners/${id}/active`, { body: { active } }),
  deleteRunner: (id: number) => request<null>('DELETE', `runners/${id}`),

  saveApp: (id: string, body: Omit<App, 'id'>) => request<null>('PUT', `apps/${encodeURIComponent(id)}`, { body }),
  setAppActive: (id: string, active: boolean) => request<null>('POST', `apps/${encodeURIComponent(id)}/active`, { body: { active } }),
  deleteApp: (id: string) => request<null>('DELETE', `apps/${encodeURIComponent(id)}`),

  options: (signal?: AbortSignal) => request<Record<string, string>>('GET', 'options', { signal }),
  setOption: (key: string, value: string) => request<unknown>('POST', 'options', { body: { key, value } }),
  clearCache: () => request<null>('DELETE', 'cache'),
}
