/** Which language the reader chose or the browser asks for, and fetching its texts: each language is a part of the page of its own. */
import type { LocaleMessages } from 'vuetify'
import type { vuetify } from '@/plugins/vuetify'
import { ENGLISH } from './catalogue/en'
import { isLanguage, languageFor, type LanguageCode } from './languages'
import { speak, type Catalogue } from './translate'

/** A language as it is fetched: our texts, and those of Vuetify's own parts. */
interface Fetched {
  readonly texts: Catalogue
  readonly widgets: LocaleMessages
}

const KEY = 'semaphore.language'

export const FETCH: Readonly<Record<Exclude<LanguageCode, 'en'>, () => Promise<Fetched>>> = {
  de: () => import('./catalogue/de'),
  es: () => import('./catalogue/es'),
  fr: () => import('./catalogue/fr'),
  it: () => import('./catalogue/it'),
  ja: () => import('./catalogue/ja'),
  ko: () => import('./catalogue/ko'),
  nl: () => import('./catalogue/nl'),
  pl: () => import('./catalogue/pl'),
  pt: () => import('./catalogue/pt'),
  'pt-BR': () => import('./catalogue/pt-BR'),
  ru: () => import('./catalogue/ru'),
  uk: () => import('./catalogue/uk'),
  'zh-CN': () => import('./catalogue/zh-CN'),
  'zh-TW': () => import('./catalogue/zh-TW'),
}

/** The chosen language, or the one that fits the browser best. */
export function preferred(): LanguageCode {
  try {
    const chosen = localStorage.getItem(KEY)
    if (isLanguage(chosen)) return chosen
  } catch {
    // Storage may be forbidden; then the browser's wish counts.
  }
  return languageFor(navigator.languages)
}

/** Speaks a language from now on. Rejects, and changes nothing, if its texts cannot be fetched. */
export async function useLanguage(code: LanguageCode, parts: typeof vuetify): Promise<void> {
  if (code === 'en') speak(code, ENGLISH)
  else {
    const { texts, widgets } = await FETCH[code]()
    parts.locale.messages.value = { ...parts.locale.messages.value, [code]: widgets }
    speak(code, texts)
  }
  parts.locale.current.value = code
  document.documentElement.lang = code
}

/** Keeps the choice in this browser. */
export function remember(code: LanguageCode): void {
  try {
    localStorage.setItem(KEY, code)
  } catch {
    // The choice then lasts as long as the page.
  }
}
