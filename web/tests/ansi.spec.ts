import { describe, expect, it } from 'vitest'
import { advance, INITIAL, paletteColour, parseLine, plainText, stripAnsi, type Style } from '@/log/ansi'

const ESC = '\u001b'

/** Segments in short: text and what differs from the plain style. */
function short(line: string, state = INITIAL) {
  return parseLine(line, state).segments.map(({ text, style }) => {
    const look: Partial<Record<keyof Style, unknown>> = {}
    for (const [key, value] of Object.entries(style)) if (value !== null && value !== false) look[key as keyof Style] = value
    return [text, look]
  })
}

describe('colours and attributes', () => {
  it.each([
    ['plain text', 'hello', [['hello', {}]]],
    ['16 colours', `${ESC}[31mred${ESC}[0m plain`, [['red', { foreground: 1 }], [' plain', {}]]],
    ['bright colours', `${ESC}[92ma${ESC}[103mb`, [['a', { foreground: 10 }], ['b', { foreground: 10, background: 11 }]]],
    ['a background', `${ESC}[44mx${ESC}[49my`, [['x', { background: 4 }], ['y', {}]]],
    ['default foreground', `${ESC}[31mx${ESC}[39my`, [['x', { foreground: 1 }], ['y', {}]]],
    ['several codes at once', `${ESC}[1;4;33mx`, [['x', { bold: true, underline: true, foreground: 3 }]]],
    ['an empty parameter is a reset', `${ESC}[1mx${ESC}[my`, [['x', { bold: true }], ['y', {}]]],
    ['a leading empty parameter is a reset too', `${ESC}[1mx${ESC}[;32my`, [['x', { bold: true }], ['y', { foreground: 2 }]]],
    ['bold and dim end together', `${ESC}[1;2mx${ESC}[22my`, [['x', { bold: true, dim: true }], ['y', {}]]],
    ['italic, inverse, strike', `${ESC}[3;7;9mx${ESC}[23;27;29my`, [['x', { italic: true, inverse: true, strike: true }], ['y', {}]]],
    ['256 colours', `${ESC}[38;5;208mx`, [['x', { foreground: 208 }]]],
    ['256 colours with colons', `${ESC}[48:5:22mx`, [['x', { background: 22 }]]],
    ['true colour', `${ESC}[38;2;255;128;0mx`, [['x', { foreground: '#ff8000' }]]],
    ['true colour with colons', `${ESC}[38:2:1:2:3mx`, [['x', { foreground: '#010203' }]]],
    ['true colour with a colour space', `${ESC}[38:2::1:2:3mx`, [['x', { foreground: '#010203' }]]],
    ['true colour, then another code', `${ESC}[38;2;1;2;3;1mx`, [['x', { foreground: '#010203', bold: true }]]],
    ['a palette number out of range is ignored', `${ESC}[38;5;300mx`, [['x', {}]]],
    ['a channel that is no number is ignored', `${ESC}[38;2;1;2mx`, [['x', {}]]],
    ['underline off by sub-parameter', `${ESC}[4mx${ESC}[4:0my`, [['x', { underline: true }], ['y', {}]]],
    ['unknown codes do nothing', `${ESC}[5;73;999mx`, [['x', {}]]],
    ['equal neighbours are one segment', `${ESC}[31ma${ESC}[31mb`, [['ab', { foreground: 1 }]]],
    ['private sequences with the same ending are no colours', `${ESC}[>4;1mx${ESC}[?31my`, [['xy', {}]]],
  ])('%s', (_name, line, expected) => {
    expect(short(line)).toEqual(expected)
  })

  it('never makes markup of text', () => {
    expect(short('<b>bold</b><script>')).toEqual([['<b>bold</b><script>', {}]])
  })
})

describe('what is taken out', () => {
  it.each([
    ['cursor movement between lines', `a${ESC}[2Ab${ESC}[1;1Hc`, 'abc'],
    ['modes', `${ESC}[?25lx${ESC}[?25h`, 'x'],
    ['titles that end with BEL', `${ESC}]0;title\u0007x`, 'x'],
    ['titles that end with ST', `${ESC}]0;title${ESC}\\x`, 'x'],
    ['a title that never ends', `x${ESC}]0;title`, 'x'],
    ['hyperlinks leave their text', `${ESC}]8;;http://a${ESC}\\link${ESC}]8;;${ESC}\\!`, 'link!'],
    ['device strings', `${ESC}Pq#0;2;0${ESC}\\x`, 'x'],
    ['character sets', `${ESC}(Bx${ESC})0y`, 'xy'],
    ['single escapes', `${ESC}7x${ESC}8${ESC}=y`, 'xy'],
    ['bells and other controls', 'a\u0007b\u0000c\u000cd\u007fe', 'abcde'],
    ['8-bit controls', 'a\u0085b\u009bc', 'abc'],
    ['an escape before a letter of another alphabet', `${ESC}ä`, 'ä'],
    ['a broken sequence', `${ESC}[31äx`, 'äx'],
    ['tabs stay', 'a\tb', 'a\tb'],
  ])('%s', (_name, line, expected) => {
    expect(plainText(line)).toBe(expected)
  })
})

describe('carriage return and its kin', () => {
  it.each([
    ['the last overwrite is shown', '10%\r50%\r100%', '100%'],
    ['what is not overwritten stays', 'abcdef\rXY', 'XYcdef'],
    ['a line that ends with it is left alone', 'text\r', 'text'],
    ['erase to the end', `a long line\r${ESC}[Kshort`, 'short'],
    ['erase all', `abc${ESC}[2K\rx`, 'x'],
    ['erase to the beginning', `abc\b${ESC}[1Kx`, '  x'],
    ['backspace', 'abc\b\bX', 'aXc'],
    ['backspace at the beginning', '\b\bab', 'ab'],
    ['to a column', `abcdef${ESC}[3GX`, 'abXdef'],
    ['to the right fills with blanks', `a${ESC}[3Cb`, 'a   b'],
    ['to the left', `abc${ESC}[2DX`, 'aXc'],
    ['emoji are one character', '😀😀\rx', 'x😀'],
  ])('%s', (_name, line, expected) => {
    expect(plainText(line)).toBe(expected)
  })

  it('keeps the style of each cell', () => {
    expect(short(`${ESC}[31mabc\r${ESC}[32mX`)).toEqual([['X', { foreground: 2 }], ['bc', { foreground: 1 }]])
  })

  it('does not let a movement ask for a huge line', () => {
    expect(plainText(`${ESC}[999999999Cx`).length).toBeLessThan(5000)
  })
})

describe('from line to line', () => {
  it('a style lives on until it is reset', () => {
    const first = parseLine(`${ESC}[31mred`)
    expect(short('still', first.end)).toEqual([['still', { foreground: 1 }]])
    expect(short(`x${ESC}[0my`, first.end)).toEqual([['x', { foreground: 1 }], ['y', {}]])
  })

  it.each([
    ['after ESC', ESC, '[31mred'],
    ['in the parameters', `${ESC}[3`, '1mred'],
    ['before the end', `${ESC}[38;5;1`, 'mred'],
  ])('a sequence that is split %s is put together', (_name, head, tail) => {
    const first = parseLine(`text${head}`)
    expect(first.segments.map((segment) => segment.text)).toEqual(['text'])
    expect(short(tail, first.end)).toEqual([['red', { foreground: 1 }]])
  })

  it('what never becomes a sequence is dropped at last', () => {
    const first = parseLine(`${ESC}[${'1;'.repeat(400)}`)
    expect(first.end.pending).toBe('')
  })

  it('advance ends in the same state as the full parser', () => {
    for (const line of ['plain', `${ESC}[1;31mx`, `${ESC}[3`, '1mgreen', `${ESC}]0;t\u0007${ESC}[44m`, `x${ESC}[0m`]) {
      const start = parseLine(`${ESC}[4m`).end
      expect(advance(line, start)).toEqual(parseLine(line, start).end)
    }
  })

  it('strips a whole text', () => {
    expect(stripAnsi(`${ESC}[31ma\nb${ESC}[0m\n10%\r100%\n`)).toBe('a\nb\n100%\n')
  })
})

describe('the palette', () => {
  it.each([
    [16, '#000000'],
    [196, '#ff0000'],
    [208, '#ff8700'],
    [231, '#ffffff'],
    [232, '#080808'],
    [255, '#eeeeee'],
  ])('%i is %s', (index, colour) => {
    expect(paletteColour(index)).toBe(colour)
  })
})
