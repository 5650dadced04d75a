/** Calls about the people of a project and about the project itself. */
import { request, requestList } from './client'
import type { Project } from './types'

export interface Member {
  id: number
  username: string
  name: string
  role: string
}

/** A role beside the built-in ones. */
export interface Role {
  slug: string
  name: string
  permissions: number
}

export interface Invite {
  id: number
  email?: string | null
  user_id?: number | null
  role: string
  status: 'pending' | 'accepted' | 'declined' | 'expired'
  created: string
  expires_at?: string | null
  inviter_user?: { name: string }
  user?: { name: string; username: string } | null
}

/** Who is invited: by login name or by e-mail address. */
export interface NewInvite {
  username?: string
  email?: string
  user_id?: number
  role: string
  expires_at?: string
}

/** Something that happened in a project. */
export interface ProjectEvent {
  user_id: number | null
  object_id: number | null
  object_type: string | null
  description: string | null
  object_name: string
  username: string | null
  created: string
}

const of = (project: number, rest: string) => `project/${project}/${rest}`

export const teamApi = {
  members: (project: number, signal?: AbortSignal) => requestList<Member>(of(project, 'users'), signal),
  roles: (project: number, signal?: AbortSignal) => requestList<Role>(of(project, 'roles/all'), signal),
  /** Everybody with an account. */
  people: () => requestList<{ id: number; username: string; name: string }>('users'),
  add: (project: number, user_id: number, role: string) => request<null>('POST', of(project, 'users'), { body: { user_id, role } }),
  setRole: (project: number, user: number, role: string) => request<null>('PUT', of(project, `users/${user}`), { body: { role } }),
  remove: (project: number, user: number) => request<null>('DELETE', of(project, `users/${user}`)),
  leave: (project: number) => request<null>('DELETE', of(project, 'me')),

  invites: (project: number, signal?: AbortSignal) => requestList<Invite>(of(project, 'invites'), signal),
  /** The answer has the address of the page that accepts it, unless it was sent by e-mail. */
  invite: (project: number, body: NewInvite) => request<Invite & { url?: string }>('POST', of(project, 'invites'), { body }),
  removeInvite: (project: number, invite: number) => request<null>('DELETE', of(project, `invites/${invite}`)),

  update: (project: Project) => request<null>('PUT', `project/${project.id}`, { body: project }),
  delete: (project: number) => request<null>('DELETE', `project/${project}`),
  clearCache: (project: number) => request<null>('DELETE', of(project, 'cache')),
  testAlert: (project: number) => request<null>('POST', of(project, 'notifications/test'), { body: {} }),
  events: (project: number, whole: boolean, signal?: AbortSignal) =>
    requestList<ProjectEvent>(of(project, whole ? 'events' : 'events/last'), signal),
}
