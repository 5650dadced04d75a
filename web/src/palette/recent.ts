/** What somebody opened last, as keys of entries, kept in this browser for each account. */

const MOST = 24
const keyOf = (user: number) => `semaphore.recent.${user}`

/** The latest first. */
export function recentKeys(user: number, storage: Storage = localStorage): string[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(user)) ?? '[]')
    return Array.isArray(kept) ? kept.filter((key) => typeof key === 'string').slice(0, MOST) : []
  } catch {
    return []
  }
}

export function remember(user: number, key: string, storage: Storage = localStorage): void {
  try {
    storage.setItem(keyOf(user), JSON.stringify([key, ...recentKeys(user, storage).filter((each) => each !== key)].slice(0, MOST)))
  } catch {
    // Storage may be forbidden; then nothing is recent.
  }
}
