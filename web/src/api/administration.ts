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
  /** The remote runner that has it. */
  runner_id?: number
  runner_name?: string
  status: TaskStatus
  location: 'queue' | 'running'
}

export const adminApi = {
  users: (signal?: AbortSignal) => requestList<User>('users', signal),
  createUser: (body: UserBody) => request<User>('POST', 'users', { body }),
  updateUser: (id: number, body: UserBody) => request<null>('PUT', `users/${id}`, { body: { ...body, id } }),
  user: (id: number) => request<User>('GET', `users/${id}`),
  deleteUser: (id: number) => request<null>('DELETE', `users/${id}`),

  tasks: (signal?: AbortSignal) => requestList<ActiveTask>('tasks', signal),
  stopTask: (id: number) => request<null>('DELETE', `tasks/${id}`),

  saveApp: (id: string, body: Omit<App, 'id'>) => request<null>('PUT', `apps/${encodeURIComponent(id)}`, { body }),
  setAppActive: (id: string, active: boolean) => request<null>('POST', `apps/${encodeURIComponent(id)}/active`, { body: { active } }),
  deleteApp: (id: string) => request<null>('DELETE', `apps/${encodeURIComponent(id)}`),

  options: (signal?: AbortSignal) => request<Record<string, string>>('GET', 'options', { signal }),
  setOption: (key: string, value: string) => request<unknown>('POST', 'options', { body: { key, value } }),
  clearCache: () => request<null>('DELETE', 'cache'),
}
