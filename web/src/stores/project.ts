import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { ApiError, describe, isAbort } from '@/api/client'
import { api } from '@/api/endpoints'
import { t } from '@/language/translate'
import { MANAGE_RESOURCES, MANAGE_USERS, RUN_TASKS, UPDATE_PROJECT } from '@/role/permissions'
import type { Project, ProjectMember, ProjectRole } from '@/api/types'


/** The project whose pages are open, and what its user may do there. */
export const useProject = defineStore('project', () => {
  const project = shallowRef<Project | null>(null)
  const role = shallowRef<ProjectRole | null>(null)
  const members = shallowRef<ProjectMember[]>([])
  const error = shallowRef<ApiError | null>(null)
  let wanted = 0

  const canRun = computed(() => ((role.value?.permissions ?? 0) & RUN_TASKS) !== 0)
  const canManage = computed(() => ((role.value?.permissions ?? 0) & MANAGE_RESOURCES) !== 0)

  /** Guests have nothing to run; somebody of another role may have the right to run single templates. */
  const mayLaunch = computed(() => role.value !== null && role.value.role !== 'guest')

  /** Whoever has no right at all only reads: the server keeps whole documents of the project from them. */
  const doesMoreThanRead = computed(() => (role.value?.permissions ?? 0) !== 0)
  const canUpdate = computed(() => ((role.value?.permissions ?? 0) & UPDATE_PROJECT) !== 0)
  const canManageUsers = computed(() => ((role.value?.permissions ?? 0) & MANAGE_USERS) !== 0)

  async function load(id: number): Promise<void> {
    wanted = id
    error.value = null
    if (project.value?.id !== id) {
      project.value = null
      role.value = null
      members.value = []
    }
    try {
      const [loaded, loadedRole] = await Promise.all([api.project(id), api.role(id)])
      if (wanted !== id) return
      project.value = loaded
      role.value = loadedRole
    } catch (cause) {
      if (wanted !== id || isAbort(cause)) return
      error.value = cause instanceof ApiError ? cause : new ApiError(0, describe(cause))
    }
  }

  /** Reads the names of the members, unless those of these users are known. An administrator need not be a member, so the number is the last resort. */
  async function loadMembers(...users: number[]): Promise<void> {
    const id = wanted
    if (members.value.length > 0 && users.every((user) => members.value.some((member) => member.id === user))) return
    try {
      const loaded = await api.members(id)
      if (wanted === id) members.value = loaded
    } catch {
      // Names are a nicety: the number is shown instead.
    }
  }

  function userName(id: number): string {
    return members.value.find((member) => member.id === id)?.name ?? t('User {id}', { id })
  }

  return { project, role, members, error, canRun, canManage, canUpdate, canManageUsers, doesMoreThanRead, mayLaunch, load, loadMembers, userName }
})
