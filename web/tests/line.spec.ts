// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { h } from 'vue'
import { LogLine } from '@/components/LogLine'
import { parseLine } from '@/log/ansi'

/** Inside an element, as on the page: the component itself has several roots. */
const draw = (line: string, matches: { line: number; from: number; to: number }[] = []) =>
  mount(() => h('code', h(LogLine, { segments: parseLine(line).segments, matches, current: matches[1] ?? null })))

describe('a log line on the page', () => {
  it('shows markup as text', () => {
    const line = draw('<img src=x onerror=alert(1)> \u001b[31m<b>x</b>')
    expect(line.element.querySelector('img, b')).toBeNull()
    expect(line.text()).toContain('<img src=x onerror=alert(1)> <b>x</b>')
  })

  it('draws colours, attributes and inverse', () => {
    const html = draw('\u001b[1;3;4;31mx\u001b[0;7my\u001b[0;38;5;208mz').html()
    expect(html).toContain('bold italic')
    expect(html).toContain('underline')
    expect(html).toContain('var(--ansi-1)')
    expect(html).toContain('background-color: var(--log-text)')
    expect(html).toContain('#ff8700')
  })

  it('marks matches, also across colours', () => {
    const line = draw('er\u001b[31mror\u001b[0m and error', [{ line: 0, from: 0, to: 5 }, { line: 0, from: 10, to: 15 }])
    expect(line.findAll('mark').map((mark) => mark.text())).toEqual(['er', 'ror', 'error'])
    expect(line.findAll('mark.current').map((mark) => mark.text())).toEqual(['error'])
  })

  it('cuts what no browser can draw', () => {
    const text = draw('x'.repeat(100_000)).text()
    expect(text.length).toBeLessThan(21_000)
    expect(text).toContain('cut here')
  })
})
