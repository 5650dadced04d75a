import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { describe, isAbort } from '@/api/client'
import type { FoundLines } from '@/api/types'
import { t } from '@/language/translate'
import type { LogDocument } from '@/log/document'
import { matchesOf, MAX_MATCHES, searchLog, type Match } from '@/log/search'
import { complain } from '@/page/notice'

/** Looking for a text in a log: here if all lines are here, otherwise the server looks. */
export function useLogSearch(
  log: () => LogDocument,
  lines: Ref<number>,
  options: { ask: (text: string, signal: AbortSignal) => Promise<FoundLines>; show: (line: number) => void; firstVisible: () => number },
) {
  const query = ref('')
  const matches = shallowRef<Match[]>([])
  const position = ref(-1)
  const searching = ref(false)
  const current = computed(() => matches.value[position.value] ?? null)
  const byLine = computed(() => {
    const map = new Map<number, Match[]>()
    for (const match of matches.value) {
      const list = map.get(match.line)
      if (list) list.push(match)
      else map.set(match.line, [match])
    }
    return map
  })
  const found = computed(() => {
    if (query.value === '') return ''
    if (searching.value) return t('Searching…')
    const total = matches.value.length
    if (total === 0) return t('No match')
    return t('{position} of {total}', { position: position.value + 1, total: total >= MAX_MATCHES ? `${MAX_MATCHES}+` : total })
  })

  let typed: ReturnType<typeof setTimeout> | undefined
  let refresh: ReturnType<typeof setTimeout> | undefined
  let asked: AbortController | null = null
  function giveUp() {
    clearTimeout(typed)
    clearTimeout(refresh)
    refresh = undefined
    asked?.abort()
    asked = null
    searching.value = false
  }
  onScopeDispose(giveUp)
  watch(query, () => {
    giveUp()
    typed = setTimeout(() => void search(true), 150)
  })
  // The server is not asked again for each new line. A log that never pauses is looked through now and then all the same.
  watch(lines, () => {
    if (query.value === '' || !log().isWhole) return
    refresh ??= setTimeout(() => {
      refresh = undefined
      void search(false)
    }, 500)
  })

  async function search(jump: boolean) {
    const kept = current.value
    const all = query.value === '' || log().isWhole ? searchLog(log(), query.value) : await fromServer(query.value)
    if (all === null) return
    matches.value = all
    if (jump) {
      // The first match at or after what is on the screen, so that the view moves as little as possible.
      const top = options.firstVisible()
      const next = all.findIndex((match) => match.line >= top)
      position.value = next === -1 ? Math.min(0, all.length - 1) : next
      if (current.value) options.show(current.value.line)
    } else {
      position.value = kept ? all.findIndex((match) => match.line === kept.line && match.from === kept.from) : -1
      if (position.value === -1 && all.length > 0) position.value = 0
    }
  }

  async function fromServer(text: string): Promise<Match[] | null> {
    const own = new AbortController()
    asked = own
    searching.value = true
    try {
      const { hits } = await options.ask(text, own.signal)
      return own.signal.aborted ? null : matchesOf(hits, text)
    } catch (cause) {
      if (!isAbort(cause)) complain(describe(cause))
      return null
    } finally {
      if (asked === own) searching.value = false
    }
  }

  function step(by: number) {
    const total = matches.value.length
    if (total === 0) return
    position.value = (position.value + by + total) % total
    if (current.value) options.show(current.value.line)
  }

  return { query, matches, current, byLine, found, step }
}
