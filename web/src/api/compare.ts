/** Calls about finished tasks that are compared: parts of their output, and results of hosts. */
import { requestList } from './client'
import { api, MOST_LINES } from './endpoints'

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

export const compareApi = {
  hosts: (project: number, task: number, signal?: AbortSignal) => requestList<AnsibleHost>(`project/${project}/tasks/${task}/ansible/hosts`, signal),
  /** The first lines, and whether there are more. */
  async firstLines(project: number, task: number, signal?: AbortSignal): Promise<{ records: string[]; more: boolean }> {
    const records = await api.output(project, task, { offset: 0, limit: MOST_LINES }, signal)
    const more = records.length === MOST_LINES && (await api.output(project, task, { offset: MOST_LINES, limit: 1 }, signal)).length > 0
    return { records, more }
  },
}
