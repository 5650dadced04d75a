import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RouteLocationNormalized } from 'vue-router'
import type { TaskListItem, TaskStatus } from '@/api/types'
import { ownRuns } from '@/launcher/runs'
import { startPage } from '@/launcher/start'

const task = (id: number, status: TaskStatus, user: number | null): TaskListItem => ({ id, status, user_id: user, template_id: 1, project_id: 1, created: '' })

describe('own runs', () => {
  it('are of one person, what goes on first, and not too many', () => {
    const tasks = [task(9, 'success', 1), task(8, 'running', 2), task(7, 'running', 1), task(6, 'error', 1), task(5, 'waiting', 1), task(4, 'success', null)]
    expect(ownRuns(tasks, 1, 3).map((each) => each.id)).toEqual([7, 5, 9])
    expect(ownRuns(tasks, 3, 3)).toEqual([])
  })
})

describe('a project begins', () => {
  afterEach(() => vi.unstubAllGlobals())
  const to = { params: { project: '3' } } as unknown as RouteLocationNormalized
  const answering = (status: number, body: unknown) => {
    vi.stubGlobal('document', { baseURI: 'http://localhost/' })
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status })))
  }

  it.each([
    ['task_runner', 1, 'launcher'],
    ['manager', 5, 'templates'],
    ['owner', 15, 'templates'],
    ['guest', 0, 'templates'],
    ['of ours', 3, 'templates'],
  ])('for a %s (%i) with the %s', async (role, permissions, name) => {
    answering(200, { role, permissions })
    expect(await startPage(to)).toMatchObject({ name, params: { project: '3' } })
  })

  it('with the templates if it cannot be asked: they say what is wrong', async () => {
    answering(404, {})
    expect(await startPage(to)).toMatchObject({ name: 'templates' })
  })
})
