/**
 * The way to an OpenID Connect provider and back. The browser leaves this page, so what was tried is noted in the tab: who comes
 * back to the log-in page meanwhile was not let in.
 */
import { apiAddress } from '@/api/address'

const KEY = 'semaphore.provider'
/** A way back that takes longer has nothing to do with that attempt any more. */
const ATTEMPT_MS = 15 * 60_000

/** Address of the server that leads to the provider; `wanted` is the page that was asked for. */
export function providerAddress(provider: string, wanted: string): string {
  const query = wanted === '/projects' ? '' : `?return=${encodeURIComponent(wanted)}`
  return apiAddress(`auth/oidc/${encodeURIComponent(provider)}/login${query}`)
}

/** Notes that somebody goes to the provider. */
export function departing(provider: string, storage: Storage = sessionStorage, now = Date.now()): void {
  try {
    storage.setItem(KEY, JSON.stringify({ provider, at: now }))
  } catch {
    // Storage may be forbidden; then a refused attempt goes without words.
  }
}

/** The provider from which somebody has come back without being signed in; asked once. */
export function returnedFrom(storage: Storage = sessionStorage, now = Date.now()): string | null {
  try {
    const noted: unknown = JSON.parse(storage.getItem(KEY) ?? 'null')
    storage.removeItem(KEY)
    if (typeof noted !== 'object' || noted === null || !('provider' in noted) || !('at' in noted)) return null
    return typeof noted.provider === 'string' && typeof noted.at === 'number' && now - noted.at < ATTEMPT_MS ? noted.provider : null
  } catch {
    return null
  }
}
