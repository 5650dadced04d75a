/** The languages that the page can speak, and which of them fits a reader. */

/** Every language with its own name for itself, sorted by that name. Codes are those of `lang` attributes. */
export const LANGUAGES = [
  { code: 'de', name: 'Deutsch' },
  { code: 'en', name: 'English' },
  { code: 'es', name: 'Español' },
  { code: 'fr', name: 'Français' },
  { code: 'it', name: 'Italiano' },
  { code: 'nl', name: 'Nederlands' },
  { code: 'pl', name: 'Polski' },
  { code: 'pt', name: 'Português' },
  { code: 'pt-BR', name: 'Português (Brasil)' },
  { code: 'ru', name: 'Русский' },
  { code: 'uk', name: 'Українська' },
  { code: 'ja', name: '日本語' },
  { code: 'zh-CN', name: '简体中文' },
  { code: 'zh-TW', name: '繁體中文' },
  { code: 'ko', name: '한국어' },
] as const

export type LanguageCode = (typeof LANGUAGES)[number]['code']

export function isLanguage(code: unknown): code is LanguageCode {
  return LANGUAGES.some((language) => language.code === code)
}

/** Chinese that is written with the traditional characters. */
const TRADITIONAL = /^zh-(?:hant|tw|hk|mo)\b/i

/** The first wish that can be fulfilled, of tags as in `navigator.languages`; English if there is none. */
export function languageFor(wishes: readonly string[]): LanguageCode {
  for (const wish of wishes) {
    const found = languageOf(wish)
    if (found !== null) return found
  }
  return 'en'
}

function languageOf(tag: string): LanguageCode | null {
  const exact = LANGUAGES.find((language) => language.code.toLowerCase() === tag.toLowerCase())
  if (exact) return exact.code
  const base = tag.split('-', 1)[0]?.toLowerCase()
  if (base === 'zh') return TRADITIONAL.test(tag) ? 'zh-TW' : 'zh-CN'
  return isLanguage(base) ? base : null
}

/** The tag for dates and numbers: the reader's own region of the language if the browser names one. */
export function regionOf(code: LanguageCode, wishes: readonly string[]): string {
  return wishes.find((wish) => languageOf(wish) === code) ?? code
}
