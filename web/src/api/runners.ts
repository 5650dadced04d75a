/** Calls about runners: programs on other machines that run tasks, for one project or for all. */
import { request, requestList } from './client'

export interface Runner {
  id: number
  /** Null: it runs tasks of all projects. */
  project_id: number | null
  name: string
  tag: string
  webhook: string
  /** 0: no limit. */
  max_parallel_tasks: number
  active: boolean
  /** When it was heard of last. */
  touched: string | null
  /** When somebody asked it to empty its cache last. */
  cleaning_requested: string | null
}

/** What a new runner is told once. */
export interface NewRunner extends Runner {
  token: string
  private_key: string
}

export interface RunnerTag {
  tag: string
  number_of_runners: number
}

/** Without a project: all runners of the server, for administrators. */
const of = (project: number | null, rest = '') => `${project === null ? '' : `project/${project}/`}runners${rest}`

export const runnerApi = {
  list: (project: number | null, signal?: AbortSignal) => requestList<Runner>(of(project), signal),
  create: (project: number | null, body: object) => request<NewRunner>('POST', of(project), { body }),
  update: (project: number | null, id: number, body: object) => request<null>('PUT', of(project, `/${id}`), { body: { ...body, id } }),
  setActive: (project: number | null, id: number, active: boolean) => request<null>('POST', of(project, `/${id}/active`), { body: { active } }),
  remove: (project: number | null, id: number) => request<null>('DELETE', of(project, `/${id}`)),
  clearCache: (project: number | null, id: number) => request<null>('DELETE', of(project, `/${id}/cache`)),
  tags: (project: number, signal?: AbortSignal) => requestList<RunnerTag>(`project/${project}/runner_tags`, signal),
}
