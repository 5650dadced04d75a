/** Calls about templates, their views, and the apps that they can run. */
import type { Referrers } from '@/resource/shapes'
import { request, requestList } from './client'
import type { Template } from './types'

/** A tab over the list of templates. */
export interface TemplateView {
  id: number
  project_id: number
  title: string
  position: number
  /** `all` has every template, otherwise a view has those that name it. */
  type?: '' | 'all'
  hidden?: boolean
  filter?: Record<string, unknown> | null
  sort_column?: string | null
  sort_reverse?: boolean
}

/** A program that templates can run. */
export interface App {
  id: string
  active: boolean
  priority: number
  /** Name for people; empty for the ones that everybody knows. */
  title: string
  icon: string
  color: string
  dark_color: string
  /** Program instead of the app's own. */
  path: string
  args: string[] | null
}

const of = (project: number, rest = '') => `project/${project}/templates${rest}`

export const templateApi = {
  apps: (signal?: AbortSignal) => requestList<App>('apps', signal),
  create: (project: number, body: object) => request<Template>('POST', of(project), { body: { ...body, project_id: project } }),
  update: (project: number, id: number, body: object) =>
    request<null>('PUT', of(project, `/${id}`), { body: { ...body, id, project_id: project } }),
  remove: (project: number, id: number) => request<null>('DELETE', of(project, `/${id}`)),
  referrers: (project: number, id: number) => request<Referrers>('GET', of(project, `/${id}/refs`)),
  stopAll: (project: number, id: number) => request<null>('POST', of(project, `/${id}/stop_all_tasks`), { body: {} }),

  /** Gives a workspace to a template, takes it away, or makes it the one that its tasks use. */
  changeWorkspace: (project: number, id: number, workspace: number, how: 'attach' | 'detach' | 'set_default') =>
    request<null>('POST', of(project, `/${id}/inventory/${workspace}/${how}`), { body: {} }),

  views: (project: number, signal?: AbortSignal) => requestList<TemplateView>(`project/${project}/views`, signal),
  ofView: (project: number, view: number, signal?: AbortSignal) =>
    requestList<Template>(`project/${project}/views/${view}/templates`, signal),
  createView: (project: number, view: Omit<TemplateView, 'id'>) =>
    request<TemplateView>('POST', `project/${project}/views`, { body: view }),
  updateView: (project: number, view: TemplateView) =>
    request<null>('PUT', `project/${project}/views/${view.id}`, { body: view }),
  deleteView: (project: number, view: number) => request<null>('DELETE', `project/${project}/views/${view}`),
  setPositions: (project: number, positions: Record<string, number>) =>
    request<null>('POST', `project/${project}/views/positions`, { body: positions }),
}
