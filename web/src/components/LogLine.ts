import { h, type FunctionalComponent, type VNode } from 'vue'
import { t } from '@/language/translate'
import { paletteColour, type Colour, type Segment, type Style } from '@/log/ansi'
import type { Match } from '@/log/search'

/** Longer lines are cut on the screen: one node of a megabyte stops a browser. The raw output has all of it. */
const MAX_SHOWN = 20_000
const CUT = () => ` … (${t('cut here; the raw output has the whole line')})`

/**
 * The text of one log line. Everything becomes text nodes inside spans whose attributes are built from numbers and
 * checked colours; nothing of the log is ever parsed as markup.
 */
export const LogLine: FunctionalComponent<{ segments: Segment[]; matches?: Match[]; current?: Match | null }> = (props) => {
  const nodes: (VNode | string)[] = []
  let at = 0
  for (const segment of props.segments) {
    const room = MAX_SHOWN - at
    if (room <= 0) {
      nodes.push(h('span', { class: 'dim' }, CUT()))
      break
    }
    const text = segment.text.length > room ? segment.text.slice(0, room) : segment.text
    const parts = props.matches?.length ? highlight(text, at, props.matches, props.current ?? null) : text
    const look = attributes(segment.style)
    if (look === null) nodes.push(...(typeof parts === 'string' ? [parts] : parts))
    else nodes.push(h('span', look, parts))
    at += segment.text.length
    if (text.length < segment.text.length) nodes.push(h('span', { class: 'dim' }, CUT()))
    if (text.length < segment.text.length) break
  }
  return nodes.map((node) => (typeof node === 'string' ? h('span', node) : node))
}
LogLine.props = ['segments', 'matches', 'current']

function highlight(text: string, offset: number, matches: readonly Match[], current: Match | null): (VNode | string)[] {
  const parts: (VNode | string)[] = []
  let at = 0
  for (const match of matches) {
    const from = Math.max(at, match.from - offset)
    const to = Math.min(text.length, match.to - offset)
    if (to <= from) continue
    if (from > at) parts.push(text.slice(at, from))
    parts.push(h('mark', { class: match === current ? 'current' : undefined }, text.slice(from, to)))
    at = to
  }
  if (at < text.length) parts.push(text.slice(at))
  return parts
}

function attributes(style: Style): { class: string[]; style: Record<string, string> } | null {
  const classes: string[] = []
  if (style.bold) classes.push('bold')
  if (style.dim) classes.push('dim')
  if (style.italic) classes.push('italic')
  const css: Record<string, string> = {}
  const lines = [style.underline ? 'underline' : '', style.strike ? 'line-through' : ''].filter((line) => line !== '')
  if (lines.length > 0) css.textDecoration = lines.join(' ')
  let foreground = colourOf(style.foreground)
  let background = colourOf(style.background)
  if (style.inverse) {
    ;[foreground, background] = [background ?? 'var(--log-ground)', foreground ?? 'var(--log-text)']
  }
  if (foreground) css.color = foreground
  if (background) css.backgroundColor = background
  return classes.length === 0 && Object.keys(css).length === 0 ? null : { class: classes, style: css }
}

function colourOf(colour: Colour): string | null {
  if (colour === null || typeof colour === 'string') return colour
  return colour < 16 ? `var(--ansi-${colour})` : paletteColour(colour)
}
