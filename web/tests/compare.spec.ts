import { describe, expect, it } from 'vitest'
import type { AnsibleHost } from '@/api/compare'
import type { Task } from '@/api/types'
import { BackgroundDiff } from '@/compare/background'
import { diffLines, type Block } from '@/compare/diff'
import { factsOf, previousOf } from '@/compare/facts'
import { hostDifferences } from '@/compare/hosts'
import { normalLine } from '@/compare/normal'
import { changedPart, CONTEXT, countsOf, rowsOf } from '@/compare/rows'

/** The blocks cover both sides in order without a gap, equal ones are equal, and equal and differing ones take turns. */
function checkBlocks(before: readonly string[], now: readonly string[]): Block[] {
  const blocks = diffLines(before, now)
  let [left, right] = [0, 0]
  for (const [index, block] of blocks.entries()) {
    expect([block.before, block.now]).toEqual([left, right])
    expect(block.beforeEnd + block.nowEnd).toBeGreaterThan(left + right)
    if (block.same) expect(before.slice(block.before, block.beforeEnd)).toEqual(now.slice(block.now, block.nowEnd))
    if (index > 0) expect(block.same).not.toBe(blocks[index - 1]?.same)
    ;[left, right] = [block.beforeEnd, block.nowEnd]
  }
  expect([left, right]).toEqual([before.length, now.length])
  return blocks
}
const equalLines = (blocks: readonly Block[]) => blocks.reduce((sum, block) => sum + (block.same ? block.beforeEnd - block.before : 0), 0)

/** The most lines that can be equal, the slow way. */
function mostEqual(before: readonly string[], now: readonly string[]): number {
  let last = new Array<number>(now.length + 1).fill(0)
  for (const line of before) {
    const next = [0]
    for (let at = 0; at < now.length; at += 1) next.push(line === now[at] ? (last[at] ?? 0) + 1 : Math.max(last[at + 1] ?? 0, next[at] ?? 0))
    last = next
  }
  return last[now.length] ?? 0
}

describe('lines that differ', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['', 'ab', 1],
    ['abc', '', 1],
    ['abc', 'axc', 1],
    ['abcdef', 'xabdyf', 3],
  ])('%s and %s differ in places', (before, now, places) => {
    expect(countsOf(checkBlocks([...before], [...now])).places).toBe(places)
  })

  it('are nearly as few as they can be, and never wrong', () => {
    let [found, possible] = [0, 0]
    let seed = 1
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647
      return seed % below
    }
    for (let round = 0; round < 300; round += 1) {
      const lines = (letters: number) => Array.from({ length: random(14) }, () => 'abcdefgh'.charAt(random(letters)))
      const few = round % 2 === 0
      const [before, now] = [lines(few ? 2 : 8), lines(few ? 2 : 8)]
      found += equalLines(checkBlocks(before, now))
      possible += mostEqual(before, now)
    }
    // What is unique is held on to, also where other lines would make a few more equal.
    expect(found).toBeLessThanOrEqual(possible)
    expect(found).toBeGreaterThan(possible * 0.9)
  })

  it('are found in large logs at once, also in ones that have nothing in common or repeat the same lines', () => {
    const large = (name: string) => Array.from({ length: 10_000 }, (_line, index) => `${name} ${index}`)
    const inserted = large('a').flatMap((line, index) => (index % 1000 === 0 ? [line, 'new'] : [line]))
    const repeating = Array.from({ length: 10_000 }, (_line, index) => `ok ${index % 7}`)
    const began = performance.now()
    expect(countsOf(checkBlocks(large('a'), inserted))).toEqual({ gone: 0, added: 10, places: 10 })
    expect(countsOf(checkBlocks(large('a'), large('b')))).toEqual({ gone: 10_000, added: 10_000, places: 1 })
    expect(countsOf(checkBlocks(repeating, repeating.filter((_line, index) => index !== 100 && index !== 9000)))).toMatchObject({ gone: 2, added: 0 })
    expect(countsOf(checkBlocks(repeating, repeating.map((line, index) => (index % 2 ? line : 'other')))).gone).toBeGreaterThan(4000)
    expect(performance.now() - began).toBeLessThan(3000)
  })
})

describe('what a comparison leaves out', () => {
  it.each([
    ['2026-11-23T03:44:00.123Z started', '2025-01-01T00:00:00Z started'],
    ['12:44:05.123 INFO ready', '01:02:03.4 INFO ready'],
    ['Monday 23 November 2026  03:44:00 +0000 (0:00:01.2)', 'Friday 02 January 2026  13:04:10 +0000 (0:02:01.9)'],
    ['Creation complete after 2s [id=a]', 'Creation complete after 1m13s [id=a]'],
    ['Still creating... [10s elapsed]', 'Still creating... [1m20s elapsed]'],
    ['5 passed in 1.03s', '5 passed in 12.5s'],
    ['stamp 1764000000', 'stamp 1763999999.5'],
    ['Preparing: 7', 'Preparing: 8'],
    ['Task Deploy 5 added to queue', 'Task Deploy 12 added to queue'],
    ['end ', 'end'],
  ])('%j is %j', (one, other) => {
    expect(normalLine(one)).toBe(normalLine(other))
  })

  it.each([
    ['timeout 30s', 'timeout 60s'],
    ['ok=5 changed=1', 'ok=5 changed=2'],
    ['version 1.2.3', 'version 1.2.4'],
    ['Preparing: 7 things', 'Preparing: 8 things'],
    ['10.0.0.1', '10.0.0.2'],
    ['replicas for 3 hosts', 'replicas for 4 hosts'],
    ['port 8080', 'port 8081'],
  ])('%j is not %j', (one, other) => {
    expect(normalLine(one)).not.toBe(normalLine(other))
  })
})

describe('a comparison in the background', () => {
  it('leaves out what means nothing if that is wanted, and answers the last question only', async () => {
    const background = new BackgroundDiff()
    const [before, now] = [['at 10:00:00', 'b'], ['at 11:00:00', 'b']]
    expect(countsOf((await background.compare(before, now, true)) ?? []).places).toBe(0)
    expect(countsOf((await background.compare(before, now, false)) ?? []).places).toBe(1)
  })
})

describe('rows', () => {
  const lines = (count: number) => Array.from({ length: count }, (_line, index) => `${index}`)

  it('fold equal lines that are far from a difference, and show them when they are wanted', () => {
    const before = lines(40)
    const now = before.map((line, index) => (index === 20 ? 'other' : line))
    const blocks = diffLines(before, now)
    const rows = rowsOf(blocks, true, new Set())
    expect(rows.map((row) => row.kind)).toEqual(['fold', 'same', 'same', 'same', 'changed', 'same', 'same', 'same', 'fold'])
    expect(rows[0]).toMatchObject({ count: 20 - CONTEXT, before: 0 })
    expect(rows[8]).toMatchObject({ count: 19 - CONTEXT, before: 21 + CONTEXT })
    expect(rowsOf(blocks, true, new Set([0]))).toHaveLength(20 + 1 + CONTEXT + 1)
  })

  it('stand side by side, or one below the other', () => {
    const blocks = diffLines(['a', 'b', 'x'], ['a', 'c', 'd', 'x'])
    expect(rowsOf(blocks, true, new Set()).map((row) => [row.kind, row.before, row.now])).toEqual([['same', 0, 0], ['changed', 1, 1], ['new', null, 2], ['same', 2, 3]])
    expect(rowsOf(blocks, false, new Set()).map((row) => [row.kind, row.before, row.now])).toEqual([['same', 0, 0], ['gone', 1, null], ['new', null, 1], ['new', null, 2], ['same', 2, 3]])
    expect(rowsOf(diffLines(['a', 'b'], ['a', 'c']), false, new Set())[1]).toMatchObject({ kind: 'gone', partner: 1 })
  })

  it('mark the words that differ', () => {
    const marked = (one: string, other: string) => {
      const part = changedPart(one, other)
      return part && one.slice(part.from, part.to)
    }
    expect(marked('changed=1 failed=0', 'changed=12 failed=0')).toBe('1')
    expect(marked('a b c', 'a c')).toBe('b ')
    expect(marked('a c', 'a b c')).toBeNull()
    expect(marked('all of it', 'something else')).toBeNull()
    expect(marked('same', 'same')).toBeNull()
  })
})

describe('facts', () => {
  const task = (more: Partial<Task>): Task => ({ id: 1, template_id: 1, project_id: 1, status: 'success', created: '2026-01-01T00:00:00Z', ...more })
  const names = { inventory: (id: number) => `Inventory ${id}`, starter: (each: Task) => `User ${each.user_id ?? 0}` }
  const facts = (before: Partial<Task>, now: Partial<Task>) => Object.fromEntries(factsOf(task(before), task(now), names, 0).map((fact) => [fact.name, fact]))

  it('tell parameters, answers and commits that differ', () => {
    const found = facts(
      { status: 'error', commit_hash: 'aaaaaaaaaa', params: { limit: ['web'], dry_run: false }, environment: '{"version":"1","same":"x"}', inventory_id: 2, arguments: '["-v"]' },
      { commit_hash: 'bbbbbbbbbb', params: { limit: ['web', 'db'], dry_run: true }, environment: '{"version":"2","same":"x"}', inventory_id: 2, arguments: '[]' },
    )
    expect(found).toMatchObject({
      Status: { before: 'Failed', now: 'Success', differs: true },
      Commit: { before: 'aaaaaaaa', now: 'bbbbbbbb', differs: true },
      Limit: { before: 'web', now: 'web, db', differs: true },
      'Dry run': { before: '–', now: 'Yes', differs: true },
      'Variable version': { before: '1', now: '2', differs: true },
      'Variable same': { differs: false },
      Inventory: { before: 'Inventory 2', differs: false },
      Arguments: { before: '-v', now: '–', differs: true },
    })
  })

  it('leave out what neither has, and never count the time', () => {
    const found = facts({ start: '2026-01-01T00:00:00Z', end: '2026-01-01T00:00:05Z' }, { start: '2026-01-02T00:00:00Z', end: '2026-01-02T00:00:05Z', environment: 'not json' })
    expect(Object.keys(found)).toEqual(['Status', 'Duration', 'Started', 'By'])
    expect(Object.values(found).filter((fact) => fact.differs)).toEqual([])
  })

  it('belong to the task before', () => {
    const tasks = [9, 7, 5, 3].map((id) => task({ id }))
    expect(previousOf(tasks, 7)?.id).toBe(5)
    expect(previousOf(tasks, 3)).toBeNull()
  })
})

describe('hosts', () => {
  const host = (name: string, more: Partial<AnsibleHost> = {}): AnsibleHost => ({ host: name, ok: 2, changed: 0, unreachable: 0, failed: 0, skipped: 0, rescued: 0, ignored: 0, ...more })

  it('that differ are told, what got worse first', () => {
    const before = [host('same'), host('db', { failed: 1 }), host('gone'), host('web10'), host('web9', { changed: 1 })]
    const now = [host('same'), host('db'), host('new'), host('web10', { unreachable: 1 }), host('web9')]
    expect(hostDifferences(before, now)).toEqual([
      { host: 'web10', before: '2 ok', now: '2 ok, 1 unreachable', turn: 'worse' },
      { host: 'db', before: '2 ok, 1 failed', now: '2 ok', turn: 'better' },
      { host: 'gone', before: '2 ok', now: null, turn: null },
      { host: 'new', before: null, now: '2 ok', turn: null },
      { host: 'web9', before: '2 ok, 1 changed', now: '2 ok', turn: null },
    ])
  })
})
