/** The page that a project begins with. */
import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { api } from '@/api/endpoints'
import { RUN_TASKS } from '@/role/permissions'

/** The launcher for those who may run and nothing else, the templates for everybody else. */
export async function startPage(to: RouteLocationNormalized): Promise<RouteLocationRaw> {
  const params = { project: to.params.project }
  try {
    const role = await api.role(Number(to.params.project))
    return { name: role.permissions === RUN_TASKS ? 'launcher' : 'templates', params, replace: true }
  } catch {
    // The page says by itself what is wrong with the project.
    return { name: 'templates', params, replace: true }
  }
}
