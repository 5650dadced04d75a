/** Results of Ansible's hosts in two tasks. */
import type { AnsibleHost } from '@/api/compare'
import { numeral, phrase, t } from '@/language/translate'

const COUNTS = ['ok', 'changed', 'unreachable', 'failed', 'skipped', 'rescued', 'ignored'] as const
const WORDS = {
  ok: phrase('{count} ok'),
  changed: phrase('{count} changed'),
  unreachable: phrase('{count} unreachable'),
  failed: phrase('{count} failed'),
  skipped: phrase('{count} skipped'),
  rescued: phrase('{count} rescued'),
  ignored: phrase('{count} ignored'),
} as const

export interface HostDifference {
  readonly host: string
  /** Null: it did not take part. */
  readonly before: string | null
  readonly now: string | null
  /** It went well before and does not now, or the other way round. */
  readonly turn: 'worse' | 'better' | null
}

/** Hosts whose results differ: what got worse first, then what got better, then the rest. */
export function hostDifferences(before: readonly AnsibleHost[], now: readonly AnsibleHost[]): HostDifference[] {
  const earlier = new Map(before.map((each) => [each.host, each]))
  const later = new Map(now.map((each) => [each.host, each]))
  const differences: HostDifference[] = []
  for (const host of new Set([...earlier.keys(), ...later.keys()])) {
    const [one, other] = [earlier.get(host), later.get(host)]
    if (one && other && COUNTS.every((count) => one[count] === other[count])) continue
    const wrong = (each: AnsibleHost) => each.failed + each.unreachable > 0
    const turn = one && other && wrong(one) !== wrong(other) ? (wrong(other) ? 'worse' : 'better') : null
    differences.push({ host, before: one ? words(one) : null, now: other ? words(other) : null, turn })
  }
  const rank = (each: HostDifference) => (each.turn === 'worse' ? 0 : each.turn === 'better' ? 1 : 2)
  return differences.sort((one, other) => rank(one) - rank(other) || one.host.localeCompare(other.host, undefined, { numeric: true }))
}

function words(host: AnsibleHost): string {
  const parts = COUNTS.filter((count) => host[count] > 0).map((count) => t(WORDS[count], { count: numeral(host[count]) }))
  return parts.length === 0 ? t('nothing done') : parts.join(', ')
}
