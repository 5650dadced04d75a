import type { FoundLines } from '@/api/types'
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
/** Of a line above 4 KiB the server tells the part around the place. */
const SURELY_WHOLE = 1300

/** All places of `query` in a log that is here, without regard to case, up to MAX_MATCHES. */
export function searchLog(document: LogDocument, query: string): Match[] {
  const matches: Match[] = []
  if (query === '') return matches
  for (let line = 0; line < document.length && matches.length < MAX_MATCHES; line += 1) addPlaces(matches, line, document.text(line), query)
  return matches
}

/** The places in lines that the server found, up to MAX_MATCHES. */
export function matchesOf(hits: FoundLines['hits'], query: string): Match[] {
  const matches: Match[] = []
  for (const { line, output } of hits) {
    if (matches.length >= MAX_MATCHES) break
    // Where the place is in a line of which a part is known nobody can say: the line alone is found.
    if (output.length > SURELY_WHOLE) matches.push({ line: line - 1, from: 0, to: 0 })
    else addPlaces(matches, line - 1, output, query)
  }
  return matches
}

function addPlaces(matches: Match[], line: number, shown: string, query: string): void {
  const wanted = query.toLowerCase()
  const text = shown.toLowerCase()
  for (let at = text.indexOf(wanted); at !== -1 && matches.length < MAX_MATCHES; at = text.indexOf(wanted, at + wanted.length)) {
    matches.push({ line, from: at, to: at + wanted.length })
  }
}
