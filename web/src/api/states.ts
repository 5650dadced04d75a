/** Calls about Terraform states that the server keeps for an inventory, and the addresses programs reach them by. */
import { request, requestList } from './client'

/** One version of a state; lists come without its text. */
export interface StateVersion {
  id: number
  created: string
  task_id?: number | null
  state?: string
}

export interface StateAddress {
  id: string
  url: string
  auth_key_id: number
}

const of = (project: number, inventory: number, rest: string) => `project/${project}/inventory/${inventory}/terraform/${rest}`

export const stateApi = {
  versions: (project: number, inventory: number, signal?: AbortSignal) => requestList<StateVersion>(of(project, inventory, 'states'), signal),
  version: (project: number, inventory: number, id: number, signal?: AbortSignal) =>
    request<StateVersion>('GET', of(project, inventory, `states/${id}`), { signal }),
  deleteVersion: (project: number, inventory: number, id: number) => request<null>('DELETE', of(project, inventory, `states/${id}`)),

  addresses: (project: number, inventory: number, signal?: AbortSignal) => requestList<StateAddress>(of(project, inventory, 'aliases'), signal),
  createAddress: (project: number, inventory: number, key: number) =>
    request<StateAddress>('POST', of(project, inventory, 'aliases'), { body: { auth_key_id: key } }),
  updateAddress: (project: number, inventory: number, id: string, key: number) =>
    request<null>('PUT', of(project, inventory, `aliases/${encodeURIComponent(id)}`), { body: { auth_key_id: key } }),
  deleteAddress: (project: number, inventory: number, id: string) => request<null>('DELETE', of(project, inventory, `aliases/${encodeURIComponent(id)}`)),
}
