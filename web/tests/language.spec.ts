// @vitest-environment happy-dom
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { defineComponent, h, nextTick } from 'vue'
import { catalogue, languages, missing, textsOfSources } from '../build/texts.mjs'
import type { Task } from '@/api/types'
import { factsOf } from '@/compare/facts'
import { hostDifferences } from '@/compare/hosts'
import { RichText } from '@/components/RichText'
import { outcomeLook, size } from '@/integration/delivery'
import { ENGLISH } from '@/language/catalogue/en'
import { FETCH } from '@/language/choice'
import { languageFor, LANGUAGES, regionOf, type LanguageCode } from '@/language/languages'
import { inSentence, language, plural, speak, t, type Forms } from '@/language/translate'
import { entriesOf, sectionsFor } from '@/palette/entries'
import { permissionWords } from '@/role/permissions'
import { statusLook } from '@/task/status'
import { ago, duration } from '@/task/time'
import untranslated from './untranslated.json'

/** These lack nothing; how much the others lack may only sink. */
const COMPLETE = ['de', 'es', 'fr', 'ru', 'zh-CN']
const texts = textsOfSources()
const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()

async function speakFetched(code: Exclude<LanguageCode, 'en'>) {
  speak(code, (await FETCH[code]()).texts)
}

afterEach(() => speak('en', ENGLISH))

describe('the catalogues', () => {
  it('are there for every language of the menu, and for no other', () => {
    expect(languages().sort()).toEqual(LANGUAGES.map(({ code }) => code).filter((code) => code !== 'en').sort())
  })

  it('the sources have texts, with those that count among them', () => {
    expect(texts.size).toBeGreaterThan(900)
    expect(texts.get('{count} lines')).toEqual({ plural: true })
    for (const key of Object.keys(ENGLISH)) expect(texts.has(key), key).toBe(true)
  })

  it.each(COMPLETE)('%s is complete', (code) => {
    expect(missing(code, texts)).toEqual([])
  })

  it.each(languages())('%s says what the sources say, with the same names and the plural forms of the language', (code) => {
    const rules = new Intl.PluralRules(code).resolvedOptions().pluralCategories
    for (const [key, value] of Object.entries(catalogue(code) as Record<string, string | Forms>)) {
      const known = texts.get(key)
      expect(known, `nobody says “${key}”`).toBeDefined()
      expect(typeof value === 'object', `“${key}”`).toBe(known?.plural)
      const forms = typeof value === 'string' ? { text: value } : value
      if (known?.plural) expect(Object.keys(forms).sort(), `“${key}”`).toEqual([...rules].sort())
      for (const [form, text] of Object.entries(forms)) {
        expect(text.trim(), `“${key}”`).not.toBe('')
        // One of them may do without its number.
        const single = form === 'one' && !names(text).includes('count')
        expect(names(text), `“${key}”`).toEqual(names(key).filter((name) => !(single && name === 'count')))
      }
    }
  })

  it('of the other languages lack no more than before', () => {
    const lacking = Object.fromEntries(languages().filter((code) => !COMPLETE.includes(code)).map((code) => [code, missing(code, texts).length]))
    console.log(`untranslated of ${texts.size} texts: ${Object.entries(lacking).map(([code, count]) => `${code} ${count}`).join(', ')}`)
    for (const [code, count] of Object.entries(lacking)) {
      const held = (untranslated as Record<string, number>)[code] ?? 0
      expect(count, `${code} lacks more than tests/untranslated.json says`).toBeLessThanOrEqual(held)
      expect(count, `${code} lacks less now: lower its figure in tests/untranslated.json`).toBe(held)
    }
  })
})

describe('the sources', () => {
  /** A sentence that is said outside of `t`; what is in a template is the linter's. */
  const SENTENCE = /(?<!\bt\(|phrase\(|plural\(|plural\('[^']*', )(['`])(?:“?\$\{[^}]+\}”? |“?[A-Z][a-z]+ )[a-z]+[^'`\n]*\1/g

  it('say no sentence by themselves', () => {
    const folder = join(import.meta.dirname, '../src')
    const found: string[] = []
    for (const path of readdirSync(folder, { recursive: true }) as string[]) {
      if (!/\.(vue|ts)$/.test(path) || path.startsWith('language')) continue
      const whole = readFileSync(join(folder, path), 'utf8')
      const script = path.endsWith('.vue') ? (/<script.*?<\/script>/s.exec(whole)?.[0] ?? '') : whole
      const code = script.replace(/\/\*.*?\*\//gs, '').replace(/(^|\s)\/\/.*$/gm, '$1')
      for (const match of code.matchAll(SENTENCE)) found.push(`${path}: ${match[0]}`)
    }
    expect(found).toEqual([])
  })
})

describe('the choice', () => {
  it.each<[string[], LanguageCode]>([
    [['de-AT', 'en'], 'de'],
    [['sv', 'fr-CA'], 'fr'],
    [['pt'], 'pt'],
    [['pt-BR'], 'pt-BR'],
    [['pt-AO'], 'pt'],
    [['zh'], 'zh-CN'],
    [['zh-Hans-HK'], 'zh-CN'],
    [['zh-HK'], 'zh-TW'],
    [['zh-Hant'], 'zh-TW'],
    [['en-GB', 'de'], 'en'],
    [['sv', 'fi'], 'en'],
    [[], 'en'],
  ])('for a browser that wants %j is %s', (wishes, code) => {
    expect(languageFor(wishes)).toBe(code)
  })

  it('keeps the region of the browser for dates', () => {
    expect(regionOf('de', ['en-US', 'de-CH', 'de'])).toBe('de-CH')
    expect(regionOf('zh-CN', ['en'])).toBe('zh-CN')
  })
})

describe('a text', () => {
  it('is said in English where a catalogue lacks it', () => {
    speak('it', { Cancel: 'Annulla' })
    expect([t('Cancel'), t('Delete {name}?', { name: 'A' }), t('Key (in a document)')]).toEqual(['Annulla', 'Delete A?', 'Key'])
    expect(plural('{count} line', '{count} lines', 1200)).toMatch(/^1.?200 lines$/)
  })

  it('takes values as they are', () => {
    expect(t('Delete {name}?', { name: '$& {name} <b>' })).toBe('Delete $& {name} <b>?')
  })

  it('counts by the rules of the language', async () => {
    expect([1, 2, 1000].map((count) => plural('{count} line', '{count} lines', count))).toEqual(['1 line', '2 lines', '1,000 lines'])
    await speakFetched('ru')
    const counted = [1, 3, 5, 21].map((count) => plural('{count} line', '{count} lines', count))
    expect(counted).toEqual(['1 строка', '3 строки', '5 строк', '21 строка'])
    await speakFetched('zh-CN')
    expect(plural('{count} line', '{count} lines', 1)).toBe(plural('{count} line', '{count} lines', 2).replace('2', '1'))
  })

  it('times and statuses follow the language', async () => {
    const now = Date.parse('2026-11-23T12:00:00Z')
    await speakFetched('de')
    expect(statusLook('success').label).toBe('Erfolgreich')
    expect(statusLook('unheard').label).toBe('unheard')
    expect(ago('2026-11-23T11:57:00Z', now)).toBe('vor 3 Minuten')
    expect(duration('2026-11-23T10:00:00Z', '2026-11-23T11:02:00Z', now)).toBe('1 Std. 02 Min.')
    expect([inSentence('Manager'), language()]).toEqual(['Manager', 'de'])
    await speakFetched('fr')
    expect(permissionWords(9)).toMatch(/^[A-ZÉ].*, [a-zé]/)
  })

  it('says pages of the palette, outcomes of deliveries and facts of a comparison in the language', async () => {
    await speakFetched('de')
    const project = { id: 3, name: 'Shop', created: '' }
    const template = { id: 1, project_id: 3, name: 'Back up', playbook: '', repository_id: 1, tasks: 0 }
    const entries = entriesOf({ projects: [project], project, permissions: 15, launches: true, projectRunners: false, templates: [template], user: null })
    const titles = entries.map((entry) => entry.title)
    expect(titles).toEqual(expect.arrayContaining(['Schnellstart', 'Vorlagen', 'Back up ausführen', 'Back up ändern', 'Alle Projekte']))
    expect(sectionsFor(entries, '', ['projects'], null)[0]).toMatchObject({ title: 'Kürzlich', mixed: true })
    expect(sectionsFor(entries, 'vorlagen', [], null)[0]?.hits[0]?.entry.title).toBe('Vorlagen')
    expect([outcomeLook('no_match').label, outcomeLook('of a later server').label]).toEqual(['Regeln nicht erfüllt', 'of a later server'])
    expect([1, 812, 2048].map(size)).toEqual(['1 Byte', '812 Bytes', '2,0 KiB'])
    const host = { host: 'a', ok: 1200, changed: 1, unreachable: 0, failed: 0, skipped: 0, rescued: 0, ignored: 0 }
    expect(hostDifferences([], [host])[0]?.now).toBe('1.200 ok, 1 geändert')
    const task = { id: 1, template_id: 1, status: 'success', created: '', environment: '{"A":"1"}', params: { dry_run: true, new_one: true } } as unknown as Task
    const facts = factsOf(task, task, { inventory: String, starter: () => 'ada' }, 0)
    expect(facts.map((fact) => fact.name)).toEqual(expect.arrayContaining(['Variable A', 'new_one', t('Dry run')]))
    expect(facts.find((fact) => fact.name === 'new_one')?.now).toBe('Ja')
    expect(t('Dry run')).not.toBe('Dry run')
  })

  it('has markup inside where it belongs', () => {
    const sentence = defineComponent(() => () => h('p', h(RichText, { text: 'See {link} there.' }, { link: () => h('a', 'the page') })))
    expect(mount(sentence).html()).toBe('<p>See <a>the page</a> there.</p>')
  })

  it('is drawn anew in another language', async () => {
    const button = mount(defineComponent(() => () => h('button', t('Cancel'))))
    expect(button.text()).toBe('Cancel')
    await speakFetched('de')
    await nextTick()
    expect(button.text()).toBe('Abbrechen')
  })
})
