/** Calls about finished tasks that are compared: parts of their output, and results of hosts. */
import { requestList } from './client'
import type { TaskOutput } from './types'

/** What Ansible's recap says of a host. */
export interface AnsibleHost {
  host: string
  ok: number
  changed: number
  unreachable: number
  failed: number
  skipped: number
  rescued: number
  ignored: number
}

/** The server gives no more lines at once. */
export const MOST_LINES = 10_000

export const compareApi = {
  hosts: (project: number, task: number, signal?: AbortSignal) => requestList<AnsibleHost>(`project/${project}/tasks/${task}/ansible/hosts`, signal),
  /** The first lines, and whether there are more. */
  async firstLines(project: number, task: number, signal?: AbortSignal): Promise<{ records: string[]; more: boolean }> {
    const of = (query: string) => requestList<TaskOutput>(`project/${project}/tasks/${task}/output?${query}`, signal)
    const lines = await of(`limit=${MOST_LINES}`)
    const more = lines.length === MOST_LINES && (await of(`limit=1&offset=${MOST_LINES}`)).length > 0
    return { records: lines.map((line) => line.output), more }
  },
}
