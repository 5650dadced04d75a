// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest'
import type { Project, Template, User } from '@/api/types'
import { entriesOf, keyOfRoute, sectionsFor, type PaletteContext } from '@/palette/entries'
import { folded, fuzzy, parts } from '@/palette/fuzzy'
import { recentKeys, remember } from '@/palette/recent'
import { isTyping, KeyReader } from '@/palette/shortcuts'

const project: Project = { id: 3, name: 'Shop', created: '' }
const template = (id: number, name: string, more: Partial<Template> = {}): Template => ({ id, project_id: 3, name, playbook: '', repository_id: 1, tasks: 0, ...more })
const user: User = { id: 9, username: 'ada', name: 'Ada', email: '', admin: false }

function context(more: Partial<PaletteContext> = {}): PaletteContext {
  return {
    projects: [project, { id: 4, name: 'Warehouse', created: '' }],
    project,
    permissions: 1,
    launches: true,
    projectRunners: false,
    templates: [template(1, 'Deploy the shop'), template(2, 'Back up')],
    user,
    ...more,
  }
}
const titles = (more: Partial<PaletteContext> = {}) => entriesOf(context(more)).map((entry) => entry.title)
const hits = (query: string, recent: string[] = [], more: Partial<PaletteContext> = {}) =>
  sectionsFor(entriesOf(context(more)), query, recent, null).flatMap((section) => section.hits.map((hit) => hit.entry.title))

describe('finding by a few letters', () => {
  it.each([
    ['deploy', 'deploy the shop', [0, 1, 2, 3, 4, 5]],
    ['shop deploy', 'deploy the shop', [0, 1, 2, 3, 4, 5, 11, 12, 13, 14]],
    ['dts', 'deploy the shop', [0, 7, 11]],
    ['dpl', 'deploy the shop', [0, 2, 3]],
    ['', 'anything', []],
  ])('%j means %j', (query, text, at) => {
    expect(fuzzy(query, text)?.at).toEqual(at)
  })

  it.each([['eploys', 'deploy the shop'], ['oth', 'deploy the shop'], ['deploy x', 'deploy the shop']])('%j does not mean %j', (query, text) => {
    expect(fuzzy(query, text)).toBeNull()
  })

  it('puts the beginning before the beginning of a word, that before the middle, and letters last', () => {
    const score = (text: string) => fuzzy('back', text)?.score ?? 0
    expect(score('back it up')).toBeGreaterThan(score('go back it'))
    expect(score('go back it')).toBeGreaterThan(score('playback it'))
    expect(score('playback it')).toBeGreaterThan(score('b a c k it'))
  })

  it('does not ask for capitals and accents, and keeps every character in its place', () => {
    expect(folded('Déployé İ')).toBe('deploye i')
    expect(fuzzy('ecole', folded('Grande École'))?.at).toEqual([7, 8, 9, 10, 11])
  })

  it('tells which parts were meant', () => {
    expect(parts('abcd', [1, 2])).toEqual([{ text: 'a', meant: false }, { text: 'bc', meant: true }, { text: 'd', meant: false }])
  })
})

describe('what is offered', () => {
  it('runs nothing for those who may not', () => {
    expect(titles()).toContain('Run Back up')
    expect(titles({ permissions: 0, launches: false }).filter((title) => title.startsWith('Run ') && title !== 'Running tasks')).toEqual([])
    expect(titles({ permissions: 0, launches: false })).not.toContain('Launcher')
  })

  it('opens the runners of a project where they get tasks', () => {
    expect(titles({ permissions: 15 })).not.toContain('Runners')
    expect(titles({ permissions: 15, projectRunners: true })).toContain('Runners')
  })

  it('runs the single template that a role may run', () => {
    const templates = [template(1, 'Deploy'), template(2, 'Back up', { permissions: 1 })]
    expect(titles({ permissions: 0, templates }).filter((title) => title.startsWith('Run '))).toEqual(['Run Back up'])
  })

  it('changes templates, invites and administers only with the right to', () => {
    expect(titles()).not.toContain('Change Back up')
    expect(titles({ permissions: 5 })).toContain('Change Back up')
    expect(titles({ permissions: 5 })).not.toContain('Invitations')
    expect(titles({ permissions: 15 })).toContain('Invitations')
    expect(titles({ permissions: 15 })).not.toContain('Users')
    expect(titles({ user: { ...user, admin: true } })).toContain('Users')
  })

  it('has projects and the own account without a project', () => {
    expect(titles({ project: null, templates: [] })).toEqual(['All projects', 'Shop', 'Warehouse', 'Your account'])
  })

  it('has no two entries with the same key', () => {
    const keys = entriesOf(context({ permissions: 15, user: { ...user, admin: true } })).map((entry) => entry.key)
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('the order', () => {
  it('is recent first without a query, but not the page that is open', () => {
    const entries = entriesOf(context())
    const sections = sectionsFor(entries, ' ', ['template/3/2', 'page/3/history', 'page/3/keys', 'template/3/99'], 'page/3/history')
    expect(sections[0]).toMatchObject({ title: 'Recent', hits: [{ entry: { title: 'Back up' } }, { entry: { title: 'Keys' } }] })
    expect(sections.map((section) => section.title)).toEqual(['Recent', 'Page', 'Run', 'Template', 'Project', 'Account'])
  })

  it('prefers of equally good ones what is recent', () => {
    const templates = [template(1, 'Restart one'), template(2, 'Restart two')]
    expect(hits('restart', [], { templates })[0]).toBe('Restart one')
    expect(hits('restart', ['template/3/2'], { templates })[0]).toBe('Restart two')
  })

  it('finds by what stands behind the title, after titles', () => {
    expect(hits('credentials')).toEqual(['Keys'])
    expect(hits('hosts', [], { templates: [template(1, 'Ping hosts')] }).at(-1)).toBe('Inventories')
  })

  it('finds among thousands of templates at once', () => {
    const templates = Array.from({ length: 3000 }, (_each, index) => template(index + 1, `Template number ${index + 1} of the département`))
    const began = performance.now()
    expect(hits('numb 2999', [], { templates, permissions: 5 })).toHaveLength(3)
    expect(performance.now() - began).toBeLessThan(1500)
  })
})

describe('recent ones', () => {
  beforeEach(() => localStorage.clear())

  it('are kept for each account, the latest first, each once', () => {
    for (const key of ['a', 'b', 'a']) remember(1, key)
    remember(2, 'c')
    expect(recentKeys(1)).toEqual(['a', 'b'])
    expect(recentKeys(2)).toEqual(['c'])
  })

  it('are none if what is stored is something else', () => {
    localStorage.setItem('semaphore.recent.1', '{"a":')
    expect(recentKeys(1)).toEqual([])
    localStorage.setItem('semaphore.recent.1', '[1,"a"]')
    expect(recentKeys(1)).toEqual(['a'])
  })

  it.each([
    ['template', { project: '3', template: '7' }, 'template/3/7'],
    ['history', { project: '3' }, 'page/3/history'],
    ['users', {}, 'administration/users'],
    ['login', {}, null],
  ])('the page %s is known', (name, params, key) => {
    expect(keyOfRoute(name, params)).toBe(key)
  })
})

describe('keys', () => {
  const reader = () => new KeyReader(['?', 'g t', 'g h'])

  it('are read as sequences', () => {
    const keys = reader()
    expect([keys.press('g', 0), keys.press('t', 100)]).toEqual(['begun', 'g t'])
    expect([keys.press('t', 200), keys.press('?', 300)]).toEqual([null, '?'])
    expect([keys.press('g', 400), keys.press('x', 500), keys.press('t', 600)]).toEqual(['begun', null, null])
    expect([keys.press('g', 700), keys.press('g', 800), keys.press('h', 900)]).toEqual(['begun', 'begun', 'g h'])
  })

  it('are forgotten after a while', () => {
    const keys = reader()
    expect([keys.press('g', 0), keys.press('t', 5000)]).toEqual(['begun', null])
  })

  it.each([
    ['<input>', true],
    ['<input type="checkbox">', false],
    ['<textarea></textarea>', true],
    ['<div contenteditable="true"></div>', true],
    ['<button></button>', false],
    ['<div role="listbox"></div>', true],
  ])('are text in %s: %s', (html, expected) => {
    document.body.innerHTML = html
    expect(isTyping(document.body.firstElementChild)).toBe(expected)
  })
})
