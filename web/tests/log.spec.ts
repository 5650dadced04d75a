import { describe, expect, it } from 'vitest'
import { LogDocument } from '@/log/document'
import { NumberedLog } from '@/log/numbered'
import { searchLog } from '@/log/search'

describe('numbered records', () => {
  const filled = (...outputs: string[]) => {
    const log = new NumberedLog()
    log.replace(outputs)
    return log
  }

  it.each<[string, string[], number, string[], string, string]>([
    ['the first batch', [], 1, ['a', 'b'], 'added', 'ab'],
    ['the next batch', ['a', 'b'], 3, ['c'], 'added', 'abc'],
    ['equal texts are other lines', ['x'], 2, ['x', 'x'], 'added', 'xxx'],
    ['a batch that is there already', ['a', 'b', 'c'], 2, ['b', 'c'], 'changed', 'abc'],
    ['a batch that is there in part', ['a', 'b'], 2, ['b', 'c'], 'changed', 'abc'],
    ['the server lost its newest lines', ['a', 'b', 'c'], 2, ['B'], 'changed', 'aB'],
    ['a batch behind a gap', ['a'], 3, ['c'], 'gap', 'a'],
  ])('%s', (_name, before, first, outputs, taken, after) => {
    const log = filled(...before)
    expect(log.take(first, outputs)).toBe(taken)
    expect(log.records.join('')).toBe(after)
    expect(log.length).toBe(after.length)
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
