/** Calls about schedules. */
import type { KeptParameters } from '@/run/request'
import { request, requestList } from './client'

export interface Schedule {
  id: number
  project_id: number
  template_id: number
  name: string
  active: boolean
  type: '' | 'run_at'
  /** An expression of cron, with `CRON_TZ=zone` in front of it if it has a time zone of its own. */
  cron_format: string
  run_at?: string | null
  delete_after_run: boolean
  /** It runs only if the branch of this repository has a commit that it has not run yet. */
  repository_id?: number | null
  task_params?: KeptParameters | null
  /** In lists. */
  tpl_name?: string
}

export interface SchedulePolicy {
  /** What becomes of a moment at which the server did not run. */
  misfire: 'skip' | 'run_once'
  /** What becomes of a moment at which its last task still runs. */
  overlap: 'queue' | 'skip'
}

const of = (project: number, rest = '') => `project/${project}/schedules${rest}`

export const scheduleApi = {
  list: (project: number, signal?: AbortSignal) => requestList<Schedule>(of(project), signal),
  /** Those of a template that wait for a new commit; the list of the project has the others. */
  waiting: (project: number, template: number, signal?: AbortSignal) => requestList<Schedule>(`project/${project}/templates/${template}/schedules`, signal),
  get: (project: number, id: number) => request<Schedule>('GET', of(project, `/${id}`)),
  create: (project: number, body: object) => request<Schedule>('POST', of(project), { body: { ...body, project_id: project } }),
  update: (project: number, id: number, body: object) =>
    request<null>('PUT', of(project, `/${id}`), { body: { ...body, id, project_id: project } }),
  remove: (project: number, id: number) => request<null>('DELETE', of(project, `/${id}`)),
  setActive: (project: number, id: number, active: boolean) => request<null>('PUT', of(project, `/${id}/active`), { body: { active } }),
  preview: async (project: number, cron: string, signal?: AbortSignal): Promise<string[]> =>
    (await request<{ runs: string[] }>('POST', of(project, '/preview'), { body: { cron_format: cron }, signal })).runs,
  policy: (project: number, id: number) => request<SchedulePolicy>('GET', of(project, `/${id}/policy`)),
  setPolicy: (project: number, id: number, policy: SchedulePolicy) => request<null>('PUT', of(project, `/${id}/policy`), { body: policy }),
}
