import { describe, expect, it } from 'vitest'
import { problemsOf, routeOf, routesOf } from '../e2e/route-list.mjs'

const routes = routesOf({
  paths: {
    '/api/projects': { get: {}, post: {}, parameters: [] },
    '/api/project/{project_id}/views/{view_id}': { get: {} },
    '/api/project/{project_id}/views/positions': { get: {} },
    '/api/auth/oidc/{provider}/redirect/{rest_path}': { get: {} },
  },
})

describe('routes that pages call', () => {
  it('are those of the description', () => {
    expect(routes).toHaveLength(5)
    expect(routes).toContain('POST /api/projects')
  })

  it.each([
    ['GET /api/projects', 'GET /api/projects'],
    ['PUT /api/projects', undefined],
    ['GET /api/project/12/views/3', 'GET /api/project/{project_id}/views/{view_id}'],
    ['GET /api/project/12/views/positions', 'GET /api/project/{project_id}/views/positions'],
    ['GET /api/project/12/views', undefined],
    ['GET /api/auth/oidc/mock/redirect/a/b', 'GET /api/auth/oidc/{provider}/redirect/{rest_path}'],
  ])('%s is %s', (call, route) => {
    expect(routeOf(routes, call)).toBe(route)
  })

  it('are each called or have a reason, and never both', () => {
    const rest = Object.fromEntries(routes.slice(1).map((route) => [route, 'for programs']))
    expect(problemsOf(routes, ['GET /api/projects'], rest)).toEqual([])
    expect(problemsOf(routes, [], rest)).toEqual([expect.stringContaining('GET /api/projects is called by no page')])
    expect(problemsOf(routes, ['GET /api/projects', 'POST /api/projects'], rest)).toEqual([expect.stringContaining('POST /api/projects is called now')])
    expect(problemsOf(routes, ['GET /api/projects'], { ...rest, 'POST /api/projects': ' ' })).toEqual([expect.stringContaining('empty reason')])
    expect(problemsOf(routes, ['GET /api/projects'], { ...rest, 'GET /api/gone': 'old' })).toEqual([expect.stringContaining('no route')])
  })
})
