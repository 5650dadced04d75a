/** Keys that lead somewhere from everywhere: which there are, and how a sequence of them is read. */
import { ref, watch } from 'vue'
import { phrase } from '@/language/translate'

export interface Jump {
  readonly keys: string
  /** Name of the route. */
  readonly name: string
  /** Said by `t`. */
  readonly words: string
  /** Of the open project; without one the keys mean nothing. */
  readonly ofProject: boolean
}

export const JUMPS: readonly Jump[] = [
  { keys: 'g t', name: 'templates', words: phrase('Templates'), ofProject: true },
  { keys: 'g l', name: 'launcher', words: phrase('Launcher'), ofProject: true },
  { keys: 'g h', name: 'history', words: phrase('History'), ofProject: true },
  { keys: 'g s', name: 'schedule', words: phrase('Schedules'), ofProject: true },
  { keys: 'g i', name: 'inventory', words: phrase('Inventories'), ofProject: true },
  { keys: 'g v', name: 'environment', words: phrase('Variable groups'), ofProject: true },
  { keys: 'g k', name: 'keys', words: phrase('Keys'), ofProject: true },
  { keys: 'g r', name: 'repositories', words: phrase('Repositories'), ofProject: true },
  { keys: 'g w', name: 'integrations', words: phrase('Integrations'), ofProject: true },
  { keys: 'g m', name: 'team', words: phrase('Team'), ofProject: true },
  { keys: 'g a', name: 'activity', words: phrase('Activity'), ofProject: true },
  { keys: 'g o', name: 'settings', words: phrase('Settings'), ofProject: true },
  { keys: 'g p', name: 'projects', words: phrase('All projects'), ofProject: false },
  { keys: 'g u', name: 'account', words: phrase('Your account'), ofProject: false },
]

/** How long the next key of a sequence may take. */
const PATIENCE_MS = 1500

/** Reads keys one by one and says when they are one of the sequences. */
export class KeyReader {
  private sofar: string[] = []
  private last = 0

  constructor(private readonly sequences: readonly string[]) {}

  /** The sequence that this key completes; `begun`: another key has to follow; null: the key means nothing. */
  press(key: string, now: number): string | 'begun' | null {
    if (now - this.last > PATIENCE_MS) this.sofar = []
    this.last = now
    for (const keys of [[...this.sofar, key], [key]]) {
      const text = keys.join(' ')
      if (this.sequences.includes(text)) {
        this.sofar = []
        return text
      }
      if (this.sequences.some((sequence) => sequence.startsWith(`${text} `))) {
        this.sofar = keys
        return 'begun'
      }
    }
    this.sofar = []
    return null
  }

  forget(): void {
    this.sofar = []
  }
}

const NO_TEXT = new Set(['button', 'checkbox', 'color', 'file', 'image', 'radio', 'range', 'reset', 'submit'])

/** Whether keys that are pressed here are text, or choose something. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false
  const field = target.closest('input, textarea, select, [contenteditable]:not([contenteditable="false"]), [role="textbox"], [role="combobox"], [role="listbox"], [role="menu"]')
  return field !== null && !(field instanceof HTMLInputElement && NO_TEXT.has(field.type))
}

const SINGLE_KEYS = 'semaphore.keys'

/** Whether single keys do something: who speaks to the machine, or whose hands tremble, switches them off. */
export const singleKeys = ref(remembered())
watch(singleKeys, (on) => {
  try {
    if (on) localStorage.removeItem(SINGLE_KEYS)
    else localStorage.setItem(SINGLE_KEYS, 'off')
  } catch {
    // The choice then lasts as long as the page.
  }
})

function remembered(): boolean {
  try {
    return localStorage.getItem(SINGLE_KEYS) !== 'off'
  } catch {
    return true
  }
}

/** Whether the palette lies over the page: several parts of the page open it. */
export const paletteOpen = ref(false)
