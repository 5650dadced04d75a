/** Calls about custom roles: of all projects, of one, and what they add on single templates. */
import { request, requestList } from './client'

export interface CustomRole {
  slug: string
  name: string
  permissions: number
  /** Null: of all projects. */
  project_id: number | null
}

/** What a role may do with one template beside what it may do in the project. */
export interface TemplateRole {
  id: number
  role_slug: string
  permissions: number
}

/** Without a project: the roles of all projects, which are the administrators'. */
const of = (project: number | undefined, rest = '') => (project === undefined ? `roles${rest}` : `project/${project}/roles${rest}`)
const on = (project: number, template: number, rest = '') => `project/${project}/templates/${template}/perms${rest}`

export const roleApi = {
  roles: (project: number | undefined, signal?: AbortSignal) => requestList<CustomRole>(of(project), signal),
  /** Those of the project and of all projects. */
  usable: (project: number, signal?: AbortSignal) => requestList<CustomRole>(of(project, '/all'), signal),
  create: (project: number | undefined, role: Omit<CustomRole, 'project_id'>) => request<CustomRole>('POST', of(project), { body: role }),
  update: (project: number | undefined, role: Omit<CustomRole, 'project_id'>) =>
    request<null>('PUT', of(project, `/${encodeURIComponent(role.slug)}`), { body: role }),
  remove: (project: number | undefined, slug: string) => request<null>('DELETE', of(project, `/${encodeURIComponent(slug)}`)),

  ofTemplate: (project: number, template: number, signal?: AbortSignal) => requestList<TemplateRole>(on(project, template), signal),
  add: (project: number, template: number, role_slug: string, permissions: number) =>
    request<TemplateRole>('POST', on(project, template), { body: { role_slug, permissions } }),
  change: (project: number, template: number, role: TemplateRole) => request<null>('PUT', on(project, template, `/${role.id}`), { body: role }),
  take: (project: number, template: number, id: number) => request<null>('DELETE', on(project, template, `/${id}`)),
}
