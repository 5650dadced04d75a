import type { LogDocument } from './document'

export interface Match {
  /** Line from 0. */
  readonly line: number
  /** First and last-plus-one character of the visible text. */
  readonly from: number
  readonly to: number
}

/** More matches than this are not counted one by one. */
export const MAX_MATCHES = 10_000

/** All places of `query` in the log, without regard to case, up to MAX_MATCHES. */
export function searchLog(document: LogDocument, query: string): Match[] {
  const wanted = query.toLowerCase()
  const matches: Match[] = []
  if (wanted === '') return matches
  for (let line = 0; line < document.length; line += 1) {
    const text = document.text(line).toLowerCase()
    for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) {
      matches.push({ line, from: at, to: at + wanted.length })
      if (matches.length >= MAX_MATCHES) return matches
    }
  }
  return matches
}
