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

export type DeliveryOutcome = 'started' | 'no_match' | 'refused' | 'limited' | 'failed'

/** A request that came to an integration, and what became of it there. */
export interface Delivery {
  id: number
  received: string
  address: string
  alias: string
  method: string
  /** Null for a repetition, whose sender does not wait for an answer. */
  status: number | null
  duration_ms: number
  body_bytes: number
  outcome: DeliveryOutcome
  message: string
  task_id: number | null
  replay_of: number | null
  user_id: number | null
}

/** The same with what the sender wrote. */
export interface DeliveryContent extends Delivery {
  query: string
  headers: { name: string; value: string }[]
  headers_left_out: string[]
  /** Null if it was too large to be kept: such a request cannot be repeated. */
  body: string | null
  body_is_base64: boolean
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

  deliveries: (project: number, id: number, limit: number, before?: number, signal?: AbortSignal) =>
    requestList<Delivery>(of(project, `/${id}/deliveries?limit=${limit}${before === undefined ? '' : `&before=${before}`}`), signal),
  delivery: (project: number, id: number, delivery: number, signal?: AbortSignal) =>
    request<DeliveryContent>('GET', of(project, `/${id}/deliveries/${delivery}`), { signal }),
  replay: (project: number, id: number, delivery: number) => request<Delivery>('POST', of(project, `/${id}/deliveries/${delivery}/replay`), { body: {} }),

  /** Without a number those of the project, which every searchable integration listens to. */
  aliases: (project: number, id?: number, signal?: AbortSignal) => requestList<Alias>(of(project, id === undefined ? '/aliases' : `/${id}/aliases`), signal),
  createAlias: (project: number, id?: number) => request<Alias>('POST', of(project, id === undefined ? '/aliases' : `/${id}/aliases`), { body: {} }),
  removeAlias: (project: number, alias: number, id?: number) =>
    request<null>('DELETE', of(project, id === undefined ? `/aliases/${alias}` : `/${id}/aliases/${alias}`)),
}
