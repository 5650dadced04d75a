import { describe, expect, it } from 'vitest'
import { LogDocument } from '@/log/document'
import { LogMerge, type LogRecord } from '@/log/merge'
import { searchLog } from '@/log/search'

/** Records with times one millisecond apart, unless they carry one: `text@milliseconds`. */
function records(...texts: string[]): LogRecord[] {
  return texts.map((text, index) => {
    const [output = '', at] = text.split('@')
    return { output, time: new Date(1_700_000_000_000 + Number(at ?? index)).toISOString() }
  })
}

describe('what is in the store and came live is shown once', () => {
  it.each<[string, string[], string[], string]>([
    ['no live lines', ['a@1'], [], 'a'],
    ['the store is behind', ['a@1', 'b@2'], ['c@3', 'd@4'], 'abcd'],
    ['the store holds the first live lines', ['a@1', 'b@2', 'c@3'], ['b@2', 'c@3', 'd@4'], 'abcd'],
    ['the store holds all', ['a@1', 'b@2', 'c@3'], ['b@2', 'c@3'], 'abc'],
    ['the store is ahead', ['a@1', 'b@2', 'c@3'], ['a@1', 'b@2'], 'abc'],
    ['equal text at other times is another line', ['a@1', 'x@2'], ['x@3', 'x@4'], 'axxx'],
    ['equal text and time is the same line', ['x@1', 'x@2'], ['x@2', 'x@3'], 'xxx'],
    ['equal lines in one millisecond are counted', ['x@1', 'x@1'], ['x@1', 'x@1', 'x@1'], 'xxx'],
  ])('%s', (_name, stored, live, expected) => {
    const before = new LogMerge()
    const epoch = before.begin()
    for (const record of records(...live)) before.push(record)
    expect(before.load(epoch, records(...stored))?.join('')).toBe(expected)

    // The same when the frames come after the copy.
    const after = new LogMerge()
    let shown = after.load(after.begin(), records(...stored))?.join('') ?? ''
    for (const record of records(...live)) if (after.push(record)) shown += record.output
    expect(shown).toBe(expected)
  })

  it('compares by seconds when the store keeps no fractions', () => {
    const merge = new LogMerge()
    merge.load(merge.begin(), [{ output: 'a', time: '2026-01-01T10:00:00Z' }])
    expect(merge.push({ output: 'a', time: '2026-01-01T10:00:01.001Z' })).toBe(true)
    expect(merge.push({ output: 'a', time: '2026-01-01T10:00:00.731Z' })).toBe(false)
  })

  it('is quick with many equal lines', () => {
    const many = Array.from({ length: 50_000 }, () => ({ output: 'x', time: '2026-01-01T10:00:00.5Z' }))
    const merge = new LogMerge()
    const epoch = merge.begin()
    for (const record of many) merge.push(record)
    const began = performance.now()
    expect(merge.load(epoch, many)?.length).toBe(50_000)
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('merging', () => {
  it('holds live lines back until the store is there, then shows both once', () => {
    const merge = new LogMerge()
    const epoch = merge.begin()
    expect(merge.push(records('b@2')[0]!)).toBe(false)
    expect(merge.push(records('c@3')[0]!)).toBe(false)
    expect(merge.load(epoch, records('a@1', 'b@2'))).toEqual(['a', 'b', 'c'])
    expect(merge.push(records('d@4')[0]!)).toBe(true)
  })

  it('a second copy of the store fills a gap in front of the live lines', () => {
    const merge = new LogMerge()
    const epoch = merge.begin()
    merge.push(records('d@4')[0]!)
    expect(merge.load(epoch, records('a@1'))).toEqual(['a', 'd'])
    merge.push(records('e@5')[0]!)
    expect(merge.load(epoch, records('a@1', 'b@2', 'c@3', 'd@4'))).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('after a reconnect the missed lines come from the store', () => {
    const merge = new LogMerge()
    merge.load(merge.begin(), records('a@1'))
    merge.push(records('b@2')[0]!)
    const epoch = merge.begin()
    expect(merge.ready).toBe(false)
    merge.push(records('e@5')[0]!)
    expect(merge.load(epoch, records('a@1', 'b@2', 'c@3', 'd@4', 'e@5'))).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('a copy that was asked for under an older connection is not used', () => {
    const merge = new LogMerge()
    const old = merge.begin()
    merge.begin()
    expect(merge.load(old, records('a@1'))).toBeNull()
    expect(merge.ready).toBe(false)
  })

  it('an older copy that comes late takes nothing away', () => {
    const merge = new LogMerge()
    const epoch = merge.begin()
    merge.load(epoch, records('a@1', 'b@2'))
    expect(merge.load(epoch, records('a@1'))).toEqual(['a', 'b'])
  })

  it('the store of an ended task is taken as it is', () => {
    const merge = new LogMerge()
    const epoch = merge.begin()
    merge.load(epoch, records('a@1'))
    merge.push(records('odd@2')[0]!)
    expect(merge.finish(records('a@1', 'b@2'))).toEqual(['a', 'b'])
    expect(merge.load(epoch, records('x@1'))).toBeNull()
  })
})

describe('the document', () => {
  it('counts lines as the raw output does', () => {
    const document = new LogDocument()
    document.append(['one', 'with end\n', 'two\nthree'])
    expect(document.length).toBe(5)
    expect([0, 1, 2, 3, 4].map((index) => document.text(index))).toEqual(['one', 'with end', '', 'two', 'three'])
  })

  it('carries a style over its lines, also after a replacement in the middle', () => {
    const document = new LogDocument()
    document.append(['\u001b[31mred', 'still red', '\u001b[0mplain'])
    expect(document.segments(1)[0]?.style.foreground).toBe(1)
    expect(document.replace(['\u001b[31mred', 'x', 'y'])).toBe(1)
    expect(document.length).toBe(3)
    expect(document.segments(2)[0]?.style.foreground).toBe(1)
    expect(document.replace(['z'])).toBe(0)
    expect(document.segments(0)).toEqual([{ text: 'z', style: expect.objectContaining({ foreground: null }) }])
  })

  it('a replacement by the same content changes nothing', () => {
    const document = new LogDocument()
    document.append(['a', 'b\nc'])
    expect(document.replace(['a', 'b\nc', 'd'])).toBe(3)
    expect(document.length).toBe(4)
  })

  it('knows the widest line', () => {
    const document = new LogDocument()
    document.append(['abc', '\u001b[1;31mabcd\u001b[0m', 'a\tb'])
    expect(document.columns).toBe(10)
    document.replace(['abc'])
    expect(document.columns).toBe(3)
  })

  it('takes 100 000 lines quickly', () => {
    const document = new LogDocument()
    const lines = Array.from({ length: 100_000 }, (_unused, index) => `\u001b[32mline\u001b[0m ${index}`)
    const began = performance.now()
    document.append(lines)
    document.replace(lines)
    expect(performance.now() - began).toBeLessThan(3000)
    expect(document.text(99_999)).toBe('line 99999')
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
})
