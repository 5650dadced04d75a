// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest'
import { apiAddress, basePath, socketAddress } from '@/api/address'
import { ApiError, onUnauthenticated, request } from '@/api/client'
import { api } from '@/api/endpoints'
import { wanted } from '@/router'

function answer(status: number, body = '', type = 'application/json') {
  const stub = vi.fn(async () => new Response(status === 204 ? null : body, { status, headers: { 'Content-Type': type } }))
  vi.stubGlobal('fetch', stub)
  return stub
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  try {
    await call
  } catch (cause) {
    expect(cause).toBeInstanceOf(ApiError)
    return cause as ApiError
  }
  throw new Error('the call did not fail')
}

afterEach(() => {
  vi.unstubAllGlobals()
  onUnauthenticated(null)
})

describe('addresses', () => {
  it.each([
    ['http://host/', '/'],
    ['http://host/semaphore/', '/semaphore/'],
    ['https://other.example:8443/a/b/', '/a/b/'],
    ['http://host/page', '/'],
  ])('the base %s has the path %s', (uri, path) => {
    expect(basePath(uri)).toBe(path)
    expect(apiAddress('projects', uri)).toBe(`${path}api/projects`)
  })

  it('the socket follows the page', () => {
    expect(socketAddress('?v=2', { protocol: 'https:', host: 'h:1' }, 'http://x/sub/')).toBe('wss://h:1/sub/api/ws?v=2')
    expect(socketAddress('', { protocol: 'http:', host: 'h' }, 'http://x/')).toBe('ws://h/api/ws')
  })

  it.each([
    ['/project/1/history?x=1#L2', '/project/1/history?x=1#L2'],
    ['//evil.example', '/projects'],
    ['/\\evil.example', '/projects'],
    ['https://evil.example', '/projects'],
    ['/auth/login', '/projects'],
    [undefined, '/projects'],
    [['/a'], '/projects'],
  ])('after the login %s leads to %s', (next, path) => {
    expect(wanted(next)).toBe(path)
  })
})

describe('answers', () => {
  it('JSON, empty bodies and lists that are null', async () => {
    answer(200, '{"id":1}')
    expect(await request('GET', 'user')).toEqual({ id: 1 })
    answer(204)
    expect(await request('POST', 'auth/logout')).toBeNull()
    answer(200, 'null')
    expect(await api.projects()).toEqual([])
  })

  it('sends JSON and the cookie', async () => {
    const stub = answer(201, '{"id":1}')
    await api.createProject('N')
    expect(stub).toHaveBeenCalledWith('/api/projects', expect.objectContaining({ method: 'POST', body: '{"name":"N"}', credentials: 'same-origin' }))
  })

  it('text stays as it is', async () => {
    answer(200, '{"not":"parsed"}', 'text/plain')
    expect(await api.rawOutput(1, 2)).toBe('{"not":"parsed"}')
  })
})

describe('errors', () => {
  it.each<[string, number, string, string]>([
    ['the server\'s own words', 400, '{"error":"template name can not be empty"}', 'Template name can not be empty.'],
    ['another field', 400, '{"message":"Broken!"}', 'Broken!'],
    ['plain text', 404, 'Not Found\n', 'Not Found.'],
    ['an empty body', 403, '', 'Your role does not allow this. Ask an owner of the project.'],
    ['an empty 404', 404, '', 'Not found. It may have been deleted, or you are not a member of the project.'],
    ['the page of a proxy', 502, '<html>Bad Gateway</html>', 'The server cannot be reached right now (status 502). Try again in a moment.'],
    ['a failure', 500, '', 'The server failed (status 500). Its log says why.'],
    ['broken JSON', 400, '{"error":', 'The server did not accept the request.'],
    ['an error that is no text', 400, '{"error":{"x":1}}', 'The server did not accept the request.'],
    ['something new', 418, '', 'The server answered with status 418.'],
  ])('%s', async (_name, status, body, message) => {
    answer(status, body)
    const error = await failure(request('GET', 'x'))
    expect(error.status).toBe(status)
    expect(error.message).toBe(message)
  })

  it('no answer at all', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('Failed to fetch') }))
    const error = await failure(request('GET', 'x'))
    expect(error).toMatchObject({ status: 0, temporary: true })
    expect(error.message).toContain('does not answer')
  })

  it('an answer that is not JSON', async () => {
    answer(200, '<html>')
    expect((await failure(request('GET', 'x'))).message).toContain('not valid JSON')
  })

  it('giving up is not an error of the server', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => { throw new DOMException('aborted', 'AbortError') }))
    await expect(request('GET', 'x')).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('a refused session is told once per call, a refused login is not', async () => {
    const told = vi.fn()
    onUnauthenticated(told)
    answer(401)
    await failure(request('GET', 'projects'))
    expect(told).toHaveBeenCalledTimes(1)
    await failure(api.login('a', 'b'))
    await failure(api.user())
    expect(told).toHaveBeenCalledTimes(1)
  })
})
