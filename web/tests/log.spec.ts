import { describe, expect, it, vi } from 'vitest'
import { LogDocument, MOST_HELD } from '@/log/document'
import { Geometry, TALLEST } from '@/log/geometry'
import { LogParts, missing } from '@/log/parts'
import { matchesOf, searchLog } from '@/log/search'

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_line, index) => `line ${from + index}`)

describe('batches of numbered lines', () => {
  it.each<[string, string[], number, string[], string, string]>([
    ['the first batch', [], 1, ['a', 'b'], 'added', 'ab'],
    ['the next batch', ['a', 'b'], 3, ['c'], 'added', 'abc'],
    ['equal texts are other lines', ['x'], 2, ['x', 'x'], 'added', 'xxx'],
    ['a batch that is there already', ['a', 'b', 'c'], 2, ['b', 'c'], 'changed', 'abc'],
    ['a batch that is there in part', ['a', 'b'], 2, ['b', 'c'], 'changed', 'abc'],
    ['the server lost its newest lines', ['a', 'b', 'c'], 2, ['B'], 'changed', 'aB'],
    ['a batch behind a gap', ['a'], 3, ['c'], 'gap', 'a'],
  ])('%s', (_name, before, first, outputs, taken, after) => {
    const log = new LogDocument()
    log.append(before)
    expect(log.take(first, outputs)).toBe(taken)
    expect(Array.from(after, (_line, index) => log.text(index)).join('')).toBe(after)
    expect(log.length).toBe(after.length)
  })
})

describe('the document', () => {
  it('carries a style over its lines, also after they became others in the middle', () => {
    const document = new LogDocument()
    document.append(['\u001b[31mred', 'still red', '\u001b[0mplain'])
    expect(document.segments(1)[0]?.style.foreground).toBe(1)
    document.take(2, ['x', 'y'])
    expect(document.length).toBe(3)
    expect(document.segments(2)[0]?.style.foreground).toBe(1)
    document.place(0, ['z', 'z', 'z'])
    expect(document.segments(0)).toEqual([{ text: 'z', style: expect.objectContaining({ foreground: null }) }])
  })

  it('knows the widest line', () => {
    const document = new LogDocument()
    document.append(['abc', '\u001b[1;31mabcd\u001b[0m', 'a\tb'])
    expect(document.columns).toBe(10)
    document.cut(1)
    expect(document.columns).toBe(3)
  })

  it('shows a record of several lines as one', () => {
    const document = new LogDocument()
    document.append(['a\nb', 'c\n', 'd'])
    expect([0, 1, 2].map((line) => document.text(line))).toEqual(['a ↵ b', 'c', 'd'])
    expect(document.length).toBe(3)
  })

  it('holds a window of a million lines, at the end as long as somebody stands there', () => {
    const document = new LogDocument()
    for (let from = 0; from < 1_000_000; from += 500) document.append(lines(from, from + 500))
    expect(document.length).toBe(1_000_000)
    expect(document.held.to).toBe(1_000_000)
    expect(document.held.to - document.held.from).toBeLessThanOrEqual(MOST_HELD)
    expect(document.text(999_999)).toBe('line 999999')
    document.follows = false
    document.append(lines(1_000_000, 1_000_000 + MOST_HELD))
    expect(document.length).toBe(1_000_000 + MOST_HELD)
    expect(document.text(999_999)).toBe('line 999999')
    expect(document.held.to - document.held.from).toBe(MOST_HELD)
  })

  it('takes parts from before, from behind and from elsewhere, and lets go of the far end', () => {
    const document = new LogDocument()
    const check = (from: number, to: number) => {
      expect(document.held).toEqual({ from, to })
      for (const line of [from, Math.floor((from + to) / 2), to - 1]) expect(document.text(line)).toBe(`line ${line}`)
    }
    document.begin(100_000)
    document.place(50_000, lines(50_000, 52_000))
    check(50_000, 52_000)
    document.place(48_000, lines(48_000, 50_000))
    check(48_000, 52_000)
    document.place(47_000, lines(47_000, 49_000))
    check(47_000, 52_000)
    document.place(52_000, lines(52_000, 66_000))
    check(47_000, 66_000)
    document.place(66_000, lines(66_000, 70_000))
    check(50_000, 70_000)
    document.place(48_000, lines(48_000, 50_000))
    check(48_000, 68_000)
    document.place(10, lines(10, 20))
    check(10, 20)
    expect(document.length).toBe(100_000)
    expect(document.text(48_000)).toBe('')
  })

  it('lets a colour of lines from before go on', () => {
    const document = new LogDocument()
    document.begin(10)
    document.place(5, ['a', 'b\u001b[0m', 'c'])
    document.place(4, ['\u001b[32mgreen'])
    expect([5, 6, 7].map((line) => document.segments(line)[0]?.style.foreground)).toEqual([2, 2, null])
  })
})

describe('what is read next', () => {
  const held = (from: number, to: number) => {
    const document = new LogDocument()
    document.begin(100_000)
    document.place(from, lines(from, to))
    return document
  }
  it.each([
    ['nothing if it is there', held(10_000, 20_000), { from: 12_000, to: 12_050 }, null],
    ['what comes behind', held(10_000, 20_000), { from: 19_900, to: 19_950 }, { from: 20_000, to: 22_000 }],
    ['what comes before', held(10_000, 20_000), { from: 10_100, to: 10_150 }, { from: 8000, to: 10_000 }],
    ['what is around another place', held(10_000, 20_000), { from: 50_000, to: 50_050 }, { from: 49_025, to: 51_025 }],
    ['nothing beyond the end', held(90_000, 100_000), { from: 99_950, to: 100_000 }, null],
  ])('is %s', (_name, document, wish, part) => {
    expect(missing(document, wish)).toEqual(part)
  })
})

describe('lines that are looked at', () => {
  const reading = (give: (offset: number, limit: number) => string[]) => {
    const document = new LogDocument()
    document.begin(100_000)
    const asked: [number, number][] = []
    const parts = new LogParts(async (offset, limit) => (asked.push([offset, limit]), give(offset, limit)), document, () => undefined)
    return { document, asked, parts }
  }

  it('are read with what is near them, the last wish first', async () => {
    const { document, asked, parts } = reading((offset, limit) => lines(offset, offset + limit))
    parts.want(50_000, 50_050)
    parts.want(10, 60)
    parts.want(0, 50)
    await vi.waitFor(() => expect(document.text(0)).toBe('line 0'))
    expect(asked).toEqual([[49_025, 2000], [0, 2000]])
  })

  it('are read alone where lines are so long that the server gives a few at a time', async () => {
    const { document, asked, parts } = reading((offset) => lines(offset, offset + 8))
    parts.want(50_000, 50_050)
    await vi.waitFor(() => expect(document.text(50_000)).toBe('line 50000'))
    expect(asked).toEqual([[49_025, 2000], [50_000, 50]])
  })
})

describe('the scroll bar', () => {
  it.each([[10], [1000], [399_999], [1_000_000], [30_000_000]])('leads to the first and the last of %i lines', (count) => {
    const geometry = new Geometry(count, 20, 500)
    expect(geometry.height).toBeLessThanOrEqual(TALLEST)
    expect(geometry.anchorAt(0)).toEqual({ line: 0, shift: 0 })
    const { line, shift } = geometry.anchorAt(geometry.end)
    expect(line * 20 + shift + (geometry.end === 0 ? count * 20 : 500)).toBeCloseTo(count * 20, 3)
    for (const place of [0.2, 0.5, 0.9].map((part) => part * geometry.end)) expect(geometry.placeOf(geometry.anchorAt(place))).toBeCloseTo(place, 3)
  })
})

describe('search', () => {
  it('finds visible text without regard to case', () => {
    const document = new LogDocument()
    document.append(['Error: \u001b[31merr\u001b[0mor', 'nothing', 'ERROR'])
    expect(searchLog(document, 'error')).toEqual([
      { line: 0, from: 0, to: 5 },
      { line: 0, from: 7, to: 12 },
      { line: 2, from: 0, to: 5 },
    ])
    expect(searchLog(document, '')).toEqual([])
    expect(searchLog(document, '31m')).toEqual([])
  })

  it('by the server has the same places', () => {
    expect(matchesOf([{ line: 500_000, output: 'an Error and an error' }, { line: 700_000, output: `error ${'x'.repeat(4096)}` }], 'error')).toEqual([
      { line: 499_999, from: 3, to: 8 },
      { line: 499_999, from: 16, to: 21 },
      { line: 699_999, from: 0, to: 0 },
    ])
  })
})
