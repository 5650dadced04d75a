import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { departing, returnedFrom } from '@/page/provider'
import { useSession } from '@/stores/session'

/** A storage as the browser's, in memory. */
function storage(): Storage {
  const values = new Map<string, string>()
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  } as unknown as Storage
}

/** A server that answers these statuses and bodies, by method and path. */
function server(answers: Record<string, [number, string]>) {
  const calls: string[] = []
  vi.stubGlobal('fetch', async (address: string, options: RequestInit) => {
    const call = `${options.method} ${address}`
    calls.push(`${call} ${String(options.body ?? '')}`.trim())
    const [status, body] = answers[call] ?? [404, '']
    return new Response(status === 204 ? null : body, { status })
  })
  return calls
}

beforeEach(() => {
  setActivePinia(createPinia())
  vi.stubGlobal('document', { baseURI: 'http://localhost/' })
})
afterEach(() => vi.unstubAllGlobals())

describe('a session that waits for a code', () => {
  it('by e-mail: a message is asked for, and its code completes the session', async () => {
    const answers: Record<string, [number, string]> = {
      'POST /api/auth/login/email': [204, ''],
      'GET /api/user': [401, '{"error":"EMAIL_OTP_REQUIRED"}'],
      'POST /api/auth/verify': [200, ''],
    }
    const calls = server(answers)
    const session = useSession()
    await session.loginByEmail('a@example.com')
    expect([session.signedIn, session.pending]).toEqual([false, 'email'])
    answers['GET /api/user'] = [200, '{"id":1,"name":"A"}']
    await session.verify('123456')
    expect([session.signedIn, session.pending]).toEqual([true, null])
    expect(calls).toContain('POST /api/auth/login/email {"email":"a@example.com"}')
    expect(calls).toContain('POST /api/auth/verify {"passcode":"123456"}')
  })

  it('is found again after a reload', async () => {
    server({ 'GET /api/user': [401, '{"error":"TOTP_REQUIRED"}'] })
    const session = useSession()
    expect(await session.ensure()).toBe(false)
    expect(session.pending).toBe('totp')
  })

  it('is not there when the log-in was refused', async () => {
    server({ 'POST /api/auth/login': [401, ''] })
    const session = useSession()
    await expect(session.login('a', 'b')).rejects.toMatchObject({ status: 401 })
    expect([session.signedIn, session.pending]).toEqual([false, null])
  })
})

describe('the way to a provider and back', () => {
  it('is told once, and only for a while', () => {
    const kept = storage()
    departing('company', kept, 1000)
    expect(returnedFrom(kept, 2000)).toBe('company')
    expect(returnedFrom(kept, 3000)).toBe(null)
    departing('company', kept, 1000)
    expect(returnedFrom(kept, 1000 + 16 * 60_000)).toBe(null)
  })

  it('takes nothing that something else has noted', () => {
    const kept = storage()
    kept.setItem('semaphore.provider', 'nonsense')
    expect(returnedFrom(kept)).toBe(null)
  })
})
