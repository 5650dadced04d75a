/** Calls about integrations: requests from outside that start tasks. */
import type { KeptParameters } from '@/run/request'
import type { Referrers } from '@/resource/shapes'
import { request, requestList } from './client'

export interface Integration {
  id: number
  project_id: number
  name: string
  template_id: number
  auth_method: '' | 'github' | 'token' | 'hmac' | 'bitbucket' | 'basic'
  auth_secret_id: number | null
  auth_header: string
  /** Listens at the addresses of the project, if all its rules fit; otherwise at its own addresses, whatever is sent. */
  searchable: boolean
  task_params?: KeptParameters | null
}

export interface Matcher {
  id: number
  integration_id: number
  name: string
  match_type: 'header' | 'body'
  method: 'equals' | 'unequals' | 'contains'
  body_data_type: '' | 'json' | 'string'
  key: string
  value: string
}

export interface ExtractValue {
  id: number
  integration_id: number
  name: string
  value_source: 'header' | 'body'
  body_data_type: '' | 'json' | 'string'
  key: string
  variable: string
  variable_type: '' | 'environment' | 'task'
}

export interface Alias {
  id: number
  url: string
}

/** The two lists inside an integration, by the part of their address. */
export type RuleKind = 'matchers' | 'values'

const of = (project: number, rest = '') => `project/${project}/integrations${rest}`

export const integrationApi = {
  list: (project: number, signal?: AbortSignal) => requestList<Integration>(of(project), signal),
  get: (project: number, id: number, signal?: AbortSignal) => request<Integration>('GET', of(project, `/${id}`), { signal }),
  create: (project: number, body: object) => request<Integration>('POST', of(project), { body: { ...body, project_id: project } }),
  update: (project: number, id: number, body: object) => request<null>('PUT', of(project, `/${id}`), { body: { ...body, id, project_id: project } }),
  remove: (project: number, id: number) => request<null>('DELETE', of(project, `/${id}`)),
  referrers: (project: number, id: number) => request<Referrers>('GET', of(project, `/${id}/refs`)),

  rules: <T>(project: number, id: number, kind: RuleKind, signal?: AbortSignal) => requestList<T>(of(project, `/${id}/${kind}`), signal),
  createRule: (project: number, id: number, kind: RuleKind, body: object) =>
    request<unknown>('POST', of(project, `/${id}/${kind}`), { body: { ...body, integration_id: id } }),
  updateRule: (project: number, id: number, kind: RuleKind, rule: number, body: object) =>
    request<null>('PUT', of(project, `/${id}/${kind}/${rule}`), { body: { ...body, id: rule, integration_id: id } }),
  removeRule: (project: number, id: number, kind: RuleKind, rule: number) => request<null>('DELETE', of(project, `/${id}/${kind}/${rule}`)),

  /** Without a number those of the project, which every searchable integration listens to. */
  aliases: (project: number, id?: number, signal?: AbortSignal) => requestList<Alias>(of(project, id === undefined ? '/aliases' : `/${id}/aliases`), signal),
  createAlias: (project: number, id?: number) => request<Alias>('POST', of(project, id === undefined ? '/aliases' : `/${id}/aliases`), { body: {} }),
  removeAlias: (project: number, alias: number, id?: number) =>
    request<null>('DELETE', of(project, id === undefined ? `/aliases/${alias}` : `/${id}/aliases/${alias}`)),
}
