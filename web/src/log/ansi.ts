/**
 * Terminal output to styled text: SGR colours and attributes, and what programs do to draw a progress line (carriage
 * return, backspace, erase in line, move in line). Every other escape sequence is taken out. The result is plain data:
 * the page puts it into text nodes, so nothing in a log can become markup.
 *
 * Output comes line by line. Styles live on into the next line, and a sequence that is cut by the end of a line is
 * finished by the next one; AnsiState carries both.
 */

/** 0 to 255: index of the palette; text: `#rrggbb`; null: the default colour. */
export type Colour = number | string | null

export interface Style {
  readonly foreground: Colour
  readonly background: Colour
  readonly bold: boolean
  readonly dim: boolean
  readonly italic: boolean
  readonly underline: boolean
  readonly inverse: boolean
  readonly strike: boolean
}

export interface AnsiState {
  readonly style: Style
  /** Beginning of an escape sequence whose end has not come yet. */
  readonly pending: string
}

export interface Segment {
  readonly text: string
  readonly style: Style
}

export const PLAIN: Style = Object.freeze({
  foreground: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
})

export const INITIAL: AnsiState = Object.freeze({ style: PLAIN, pending: '' })

/** Longest beginning of a sequence that is kept for the next line; anything longer is no sequence. */
const MAX_PENDING = 256
/** Cursor movements beyond this column stop there: a short sequence must not ask for gigabytes. */
const MAX_COLUMN = 4096

// Controls except tab; DEL and the 8-bit controls too.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/
const CONTROL_SEARCH = new RegExp(CONTROL.source, 'g')

interface Sink {
  text(text: string): void
  style(style: Style): void
  carriageReturn(): void
  backspace(): void
  /** Erase in line: 0 to the end, 1 to the beginning, 2 all. */
  erase(mode: number): void
  /** Move to the column (0 is the first). */
  column(column: number, relative: boolean): void
}

/** State after a line, without building its segments. */
export function advance(line: string, state: AnsiState): AnsiState {
  if (state.pending === '' && !line.includes('\u001b')) return state
  return scan(line, state, NOTHING)
}

/** The visible segments of a line and the state after it. Neighbours of equal style are joined. */
export function parseLine(line: string, state: AnsiState = INITIAL): { segments: Segment[]; end: AnsiState } {
  if (state.pending === '' && !CONTROL.test(line)) {
    return { segments: line === '' ? [] : [{ text: line, style: state.style }], end: state }
  }
  const screen = new ScreenLine(state.style)
  const end = scan(line, state, screen)
  return { segments: screen.segments(), end }
}

/** The visible text of a line. */
export function plainText(line: string, state: AnsiState = INITIAL): string {
  if (state.pending === '' && !CONTROL.test(line)) return line
  return parseLine(line, state)
    .segments.map((segment) => segment.text)
    .join('')
}

/** Whole text with all escape sequences taken out, line by line. */
export function stripAnsi(text: string): string {
  let state = INITIAL
  return text
    .split('\n')
    .map((line) => {
      const plain = plainText(line, state)
      state = advance(line, state)
      return plain
    })
    .join('\n')
}

const NOTHING: Sink = {
  text: () => undefined,
  style: () => undefined,
  carriageReturn: () => undefined,
  backspace: () => undefined,
  erase: () => undefined,
  column: () => undefined,
}

/** One line of a terminal: cells that later text may overwrite. */
class ScreenLine implements Sink {
  private readonly characters: string[] = []
  private readonly styles: Style[] = []
  private cursor = 0

  constructor(private current: Style) {}

  text(text: string): void {
    for (const character of text) {
      while (this.characters.length < this.cursor) {
        this.characters.push(' ')
        this.styles.push(PLAIN)
      }
      this.characters[this.cursor] = character
      this.styles[this.cursor] = this.current
      this.cursor += 1
    }
  }

  style(style: Style): void {
    this.current = style
  }

  carriageReturn(): void {
    this.cursor = 0
  }

  backspace(): void {
    this.cursor = Math.max(0, this.cursor - 1)
  }

  erase(mode: number): void {
    if (mode === 0) {
      this.characters.length = Math.min(this.characters.length, this.cursor)
      this.styles.length = this.characters.length
    } else if (mode === 1) {
      const end = Math.min(this.cursor + 1, this.characters.length)
      this.characters.fill(' ', 0, end)
      this.styles.fill(PLAIN, 0, end)
    } else if (mode === 2) {
      this.characters.length = 0
      this.styles.length = 0
    }
  }

  column(column: number, relative: boolean): void {
    const target = relative ? this.cursor + column : column
    // A cursor that stands further right already (a very long line) may stay there.
    this.cursor = Math.max(0, Math.min(target, Math.max(MAX_COLUMN, this.cursor)))
  }

  segments(): Segment[] {
    const result: Segment[] = []
    let text = ''
    let style: Style = PLAIN
    for (let index = 0; index < this.characters.length; index += 1) {
      const next = this.styles[index] ?? PLAIN
      if (text !== '' && !sameStyle(next, style)) {
        result.push({ text, style })
        text = ''
      }
      style = next
      text += this.characters[index] ?? ' '
    }
    if (text !== '') result.push({ text, style })
    return result
  }
}

function scan(line: string, state: AnsiState, sink: Sink): AnsiState {
  const input = state.pending === '' ? line : state.pending + line
  let style = state.style
  let at = 0
  while (at < input.length) {
    CONTROL_SEARCH.lastIndex = at
    const found = CONTROL_SEARCH.exec(input)
    const stop = found ? found.index : input.length
    if (stop > at) sink.text(input.slice(at, stop))
    if (!found) break
    at = stop + 1
    switch (input[stop]) {
      case '\r':
        sink.carriageReturn()
        break
      case '\b':
        sink.backspace()
        break
      case '\u001b': {
        const sequence = readSequence(input, stop)
        if (sequence === null) {
          const rest = input.slice(stop)
          return { style, pending: rest.length <= MAX_PENDING ? rest : '' }
        }
        at = sequence.end
        if (sequence.final === 'm' && sequence.plain) {
          style = applySgr(style, sequence.parameters)
          sink.style(style)
        } else if (sequence.plain) {
          applyMovement(sequence.final, sequence.parameters, sink)
        }
        break
      }
      default:
        // Bells, form feeds, 8-bit controls: nothing to see.
        break
    }
  }
  return style === state.style && state.pending === '' ? state : { style, pending: '' }
}

interface Sequence {
  /** Index after the sequence. */
  end: number
  /** Final character of a CSI sequence, empty for every other kind. */
  final: string
  parameters: string
  /** CSI without private markers and intermediates. */
  plain: boolean
}

/** Reads the sequence that begins with ESC at `start`; null if the line ends before it does. */
function readSequence(input: string, start: number): Sequence | null {
  const kind = input[start + 1]
  if (kind === undefined) return null
  if (kind === '[') return readControlSequence(input, start)
  if (kind === ']' || kind === 'P' || kind === 'X' || kind === '^' || kind === '_') {
    return { end: endOfString(input, start + 2), final: '', parameters: '', plain: false }
  }
  let at = start + 1
  while (at < input.length && between(input, at, 0x20, 0x2f)) at += 1
  if (at >= input.length) return null
  // A character that cannot end a sequence stays for itself.
  return { end: between(input, at, 0x30, 0x7e) ? at + 1 : at, final: '', parameters: '', plain: false }
}

function readControlSequence(input: string, start: number): Sequence | null {
  let at = start + 2
  while (at < input.length && between(input, at, 0x30, 0x3f)) at += 1
  const parameters = input.slice(start + 2, at)
  const afterParameters = at
  while (at < input.length && between(input, at, 0x20, 0x2f)) at += 1
  if (at >= input.length) return null
  if (!between(input, at, 0x40, 0x7e)) return { end: at, final: '', parameters: '', plain: false }
  const plain = at === afterParameters && !/[<=>?]/.test(parameters)
  return { end: at + 1, final: input[at] ?? '', parameters, plain }
}

/**
 * End of an operating-system or device string (titles, hyperlinks). One that does not end on its line is taken to end
 * there: waiting for an end that never comes would hide the rest of the log.
 */
function endOfString(input: string, from: number): number {
  for (let at = from; at < input.length; at += 1) {
    if (input[at] === '\u0007' || input[at] === '\u009c') return at + 1
    if (input[at] === '\u001b') return input[at + 1] === '\\' ? at + 2 : at
  }
  return input.length
}

function between(input: string, at: number, low: number, high: number): boolean {
  const code = input.charCodeAt(at)
  return code >= low && code <= high
}

function applyMovement(final: string, parameters: string, sink: Sink): void {
  const value = parameters === '' ? null : Number.parseInt(parameters, 10)
  if (value !== null && !Number.isFinite(value)) return
  switch (final) {
    case 'K':
      sink.erase(value ?? 0)
      break
    case 'G':
      sink.column(Math.max(1, value ?? 1) - 1, false)
      break
    case 'C':
      sink.column(Math.max(1, value ?? 1), true)
      break
    case 'D':
      sink.column(-Math.max(1, value ?? 1), true)
      break
    default:
      break
  }
}

type Mutable = { -readonly [Key in keyof Style]: Style[Key] }

function applySgr(style: Style, parameters: string): Style {
  let next: Mutable = { ...style }
  const groups = parameters.split(';')
  for (let index = 0; index < groups.length; index += 1) {
    const parts = (groups[index] ?? '').split(':')
    const code = parts[0] === '' ? 0 : Number(parts[0])
    if (code === 0) next = { ...PLAIN }
    else if (code === 38 || code === 48) {
      const found = parts.length > 1 ? colourOfParts(parts) : colourOfGroups(groups, index)
      index += found.used
      if (found.colour !== undefined) next[code === 38 ? 'foreground' : 'background'] = found.colour
    } else if (code === 4) next.underline = parts[1] !== '0'
    else applySimple(next, code)
  }
  return sameStyle(next, PLAIN) ? PLAIN : next
}

function applySimple(style: Mutable, code: number): void {
  if (code >= 30 && code <= 37) style.foreground = code - 30
  else if (code >= 40 && code <= 47) style.background = code - 40
  else if (code >= 90 && code <= 97) style.foreground = code - 90 + 8
  else if (code >= 100 && code <= 107) style.background = code - 100 + 8
  else if (code === 39) style.foreground = null
  else if (code === 49) style.background = null
  else if (code === 1) style.bold = true
  else if (code === 2) style.dim = true
  else if (code === 22) style.bold = style.dim = false
  else if (code === 3 || code === 23) style.italic = code === 3
  else if (code === 21 || code === 24) style.underline = code === 21
  else if (code === 7 || code === 27) style.inverse = code === 7
  else if (code === 9 || code === 29) style.strike = code === 9
}

interface FoundColour {
  colour: Colour | undefined
  /** Further groups that belong to it. */
  used: number
}

/** `38;5;n` and `38;2;r;g;b`. */
function colourOfGroups(groups: string[], at: number): FoundColour {
  if (groups[at + 1] === '5') return { colour: paletteIndex(groups[at + 2]), used: 2 }
  if (groups[at + 1] === '2') return { colour: trueColour(groups.slice(at + 2, at + 5)), used: 4 }
  return { colour: undefined, used: 1 }
}

/** `38:5:n`, `38:2:r:g:b` and `38:2::r:g:b` (with the colour space, which is ignored). */
function colourOfParts(parts: string[]): FoundColour {
  if (parts[1] === '5') return { colour: paletteIndex(parts[2]), used: 0 }
  if (parts[1] === '2') return { colour: trueColour(parts.length > 5 ? parts.slice(3, 6) : parts.slice(2, 5)), used: 0 }
  return { colour: undefined, used: 0 }
}

function paletteIndex(text: string | undefined): number | undefined {
  const value = channel(text)
  return value === null ? undefined : value
}

function trueColour(channels: string[]): string | undefined {
  const values = [channel(channels[0]), channel(channels[1]), channel(channels[2])]
  if (values.some((value) => value === null)) return undefined
  return `#${values.map((value) => (value ?? 0).toString(16).padStart(2, '0')).join('')}`
}

/** A number from 0 to 255; an empty parameter is 0. */
function channel(text: string | undefined): number | null {
  if (text === undefined) return null
  const value = text === '' ? 0 : Number(text)
  return Number.isInteger(value) && value >= 0 && value <= 255 ? value : null
}

export function sameStyle(a: Style, b: Style): boolean {
  return (
    a === b ||
    (a.foreground === b.foreground &&
      a.background === b.background &&
      a.bold === b.bold &&
      a.dim === b.dim &&
      a.italic === b.italic &&
      a.underline === b.underline &&
      a.inverse === b.inverse &&
      a.strike === b.strike)
  )
}

/** `#rrggbb` of the palette entries 16 to 255: a 6x6x6 cube and 24 greys. The first 16 belong to the page's theme. */
export function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = (8 + (index - 232) * 10).toString(16).padStart(2, '0')
    return `#${grey}${grey}${grey}`
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40).toString(16).padStart(2, '0')
  const cube = index - 16
  return `#${level(Math.floor(cube / 36))}${level(Math.floor(cube / 6) % 6)}${level(cube % 6)}`
}
