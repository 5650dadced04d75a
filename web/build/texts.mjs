// The texts of the page and what each language lacks of them.
//
//   node build/texts.mjs          how many texts each language has
//   node build/texts.mjs it       the texts that Italian lacks, as lines of its catalogue
//
// A text is what stands in t('...'), phrase('...') or plural('...', '...') in src; the key of the last one is its second text.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, exit } from 'node:process'

const SOURCES = join(import.meta.dirname, '../src')
const CATALOGUES = join(SOURCES, 'language/catalogue')
const LITERAL = String.raw`'((?:[^'\\]|\\.)*)'`
const SINGLE = new RegExp(String.raw`\b(?:t|phrase)\(\s*${LITERAL}`, 'g')
const COUNTING = new RegExp(String.raw`\bplural\(\s*${LITERAL},\s*${LITERAL}`, 'g')
/** A text that this program would not see. */
const HIDDEN = /\b(?:t|phrase|plural)\(\s*["`]/

/** All texts of the sources: their keys, with `plural` for those that count. Throws at one that cannot be read. */
export function textsOfSources() {
  const texts = new Map()
  for (const path of readdirSync(SOURCES, { recursive: true })) {
    if (!/\.(vue|ts)$/.test(path) || path.startsWith('language')) continue
    const source = readFileSync(join(SOURCES, path), 'utf8')
    const hidden = HIDDEN.exec(source)
    if (hidden) throw new Error(`${path}: a text stands in single quotes, not as in ${source.slice(hidden.index, hidden.index + 60)}`)
    for (const [, text] of source.matchAll(SINGLE)) texts.set(plain(text), { plural: false })
    for (const [, , many] of source.matchAll(COUNTING)) texts.set(plain(many), { plural: true })
  }
  return texts
}

function plain(literal) {
  return literal.replaceAll('&quot;', '"').replace(/\\(.)/g, '$1')
}

/** The catalogue of a language as it lies in its file. */
export function catalogue(code) {
  return JSON.parse(readFileSync(join(CATALOGUES, `${code}.json`), 'utf8'))
}

/** The languages that have a catalogue. */
export function languages() {
  return readdirSync(CATALOGUES).filter((name) => name.endsWith('.json')).map((name) => name.replace(/\.json$/, ''))
}

/** The texts that a language lacks. */
export function missing(code, texts = textsOfSources()) {
  const known = catalogue(code)
  return [...texts.keys()].filter((text) => known[text] === undefined)
}

if (argv[1] === import.meta.filename) {
  const texts = textsOfSources()
  const code = argv[2]
  if (code === undefined) {
    for (const each of languages()) console.log(`${each.padEnd(6)} ${texts.size - missing(each, texts).length} of ${texts.size}`)
  } else if (!languages().includes(code)) {
    console.error(`There is no catalogue ${code}.json.`)
    exit(1)
  } else {
    for (const text of missing(code, texts)) console.log(`  ${JSON.stringify(text)}: ${texts.get(text).plural ? '{ "one": "", "other": "" }' : '""'},`)
  }
}
