/** Finding by a few letters: words of the query in any order, each as it stands or as letters that begin a word and go on in order. */

export interface Found {
  /** The higher, the better. */
  readonly score: number
  /** Which characters of the text were meant. */
  readonly at: readonly number[]
}

/** Text to compare: small letters without accents, one for each character. */
export function folded(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  let result = ''
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charAt(index)
    result += unit.normalize('NFD').charAt(0).toLowerCase().charAt(0) || unit
  }
  return result
}

/** Whether and how well a text is meant by a query; both folded. An empty query means everything. */
export function fuzzy(query: string, text: string): Found | null {
  const at = new Set<number>()
  let score = 0
  for (const word of query.split(/\s+/)) {
    if (word === '') continue
    const found = asItStands(word, text) ?? asLetters(word, text)
    if (found === null) return null
    score += found.score
    for (const index of found.at) at.add(index)
  }
  // Of equally good ones the shorter text is meant.
  return { score: score - Math.min(text.length, 100) / 10, at: [...at].sort((one, other) => one - other) }
}

function beginsWord(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text.charAt(at - 1))
}

function asItStands(word: string, text: string): Found | null {
  let best: Found | null = null
  for (let from = text.indexOf(word); from !== -1; from = text.indexOf(word, from + 1)) {
    const score = 100 + (from === 0 ? 60 : beginsWord(text, from) ? 40 : 0) + Math.min(word.length, 20)
    if (best === null || score > best.score) best = { score, at: Array.from(word, (_letter, index) => from + index) }
  }
  return best
}

/** Letters with others between them, such as "dpl" for "deploy": the first one begins a word, so that chance finds less. */
function asLetters(word: string, text: string): Found | null {
  let best: Found | null = null
  for (let from = text.indexOf(word.charAt(0)); from !== -1; from = text.indexOf(word.charAt(0), from + 1)) {
    if (!beginsWord(text, from)) continue
    const at = [from]
    let starts = 1
    for (let next = 1; next < word.length; next += 1) {
      const letter = word.charAt(next)
      const last = at[at.length - 1] ?? from
      const close = text.indexOf(letter, last + 1)
      if (close === -1) break
      // A letter that begins a later word is what people type who abbreviate.
      let wanted = close
      while (wanted !== -1 && !beginsWord(text, wanted)) wanted = text.indexOf(letter, wanted + 1)
      if (wanted !== -1 && close !== last + 1 && canFinish(word, next + 1, text, wanted)) starts += 1
      else wanted = close
      at.push(wanted)
    }
    if (at.length !== word.length) continue
    const spread = (at[at.length - 1] ?? from) - from + 1 - word.length
    const score = 20 + starts * 10 - Math.min(spread, 30)
    if (best === null || score > best.score) best = { score, at }
  }
  return best
}

function canFinish(word: string, next: number, text: string, after: number): boolean {
  let at = after
  for (let index = next; index < word.length; index += 1) {
    at = text.indexOf(word.charAt(index), at + 1)
    if (at === -1) return false
  }
  return true
}

/** A text in parts, those that were meant and those between them. */
export function parts(text: string, at: readonly number[]): { text: string; meant: boolean }[] {
  const meant = new Set(at)
  const result: { text: string; meant: boolean }[] = []
  for (let index = 0; index < text.length; index += 1) {
    const last = result[result.length - 1]
    if (last !== undefined && last.meant === meant.has(index)) last.text += text.charAt(index)
    else result.push({ text: text.charAt(index), meant: meant.has(index) })
  }
  return result
}
