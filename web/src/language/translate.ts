/**
 * What the page says, in the reader's language. The English text is the key: `t('Delete {name}?', { name })`. A text that a
 * catalogue lacks is said in English. Everything is read through `language`, so what is drawn follows a change of it.
 *
 * tests/language.spec.ts reads the keys out of the sources, so they stand there as literals: inside `t`, `plural` or `phrase`.
 */
import { shallowRef } from 'vue'
import { ENGLISH } from './catalogue/en'
import { regionOf, type LanguageCode } from './languages'

/** The forms of a text that counts, by the language's own plural rules. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }
/** Texts by their English ones; those that count by the English text for many. */
export type Catalogue = Readonly<Record<string, string | Forms>>

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never
type Values<Name extends string> = Readonly<Record<Name, string | number>>

interface Spoken {
  readonly code: LanguageCode
  /** With the reader's region, for dates and numbers. */
  readonly locale: string
  readonly texts: Catalogue
}

const wishes = (): readonly string[] => globalThis.navigator?.languages ?? []
const spoken = shallowRef<Spoken>({ code: 'en', locale: regionOf('en', wishes()), texts: ENGLISH })

/** The language that is spoken now. */
export const language = (): LanguageCode => spoken.value.code

/** The tag for dates and numbers: the language with the reader's region. */
export const locale = (): string => spoken.value.locale

/** Changes the language. Who shows something asks again by itself. */
export function speak(code: LanguageCode, texts: Catalogue): void {
  spoken.value = { code, locale: regionOf(code, wishes()), texts }
}

/** Makes something that depends on the language, once for each: formats of `Intl` are dear. */
export function byLocale<Value>(make: (locale: string) => Value): () => Value {
  const made = new Map<string, Value>()
  return () => {
    const { locale } = spoken.value
    const known = made.get(locale)
    if (known !== undefined) return known
    const value = make(locale)
    made.set(locale, value)
    return value
  }
}

/** Marks an English text that is said later, by `t` or RichText: where it stands, the language is not known yet. */
export const phrase = <Text extends string>(text: Text): Text => text

/** A text, with values in the place of its `{names}`. */
export function t<Text extends string>(text: Text, ...values: [Names<Text>] extends [never] ? [] : [Values<Names<Text>>]): string {
  return filled(one(text), values[0])
}

const numbers = byLocale((locale) => new Intl.NumberFormat(locale))
const rules = byLocale((locale) => new Intl.PluralRules(locale))

/** A number as people of the language write it. */
export const numeral = (value: number): string => numbers().format(value)

/** A text that counts: `{count}` is the number, further names are given as for `t`. */
export function plural<Single extends string, Many extends string>(
  single: Single,
  many: Many,
  count: number,
  ...values: [Exclude<Names<Single> | Names<Many>, 'count'>] extends [never] ? [] : [Values<Exclude<Names<Single> | Names<Many>, 'count'>>]
): string {
  const forms = spoken.value.texts[many]
  const text = forms === undefined ? (count === 1 ? single : many) : typeof forms === 'string' ? forms : (forms[rules().select(count)] ?? forms.other)
  return filled(text, { ...values[0], count: numeral(count) })
}

/** A title inside a sentence: with a small letter, where the language writes it so. */
export function inSentence(title: string): string {
  return language() === 'de' ? title : title.charAt(0).toLowerCase() + title.slice(1)
}

function one(text: string): string {
  const found = spoken.value.texts[text] ?? ENGLISH[text]
  return typeof found === 'string' ? found : text
}

function filled(text: string, values: Readonly<Record<string, string | number>> | undefined): string {
  return values === undefined ? text : text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
