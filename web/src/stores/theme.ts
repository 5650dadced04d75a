import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

export type ThemeChoice = 'system' | 'light' | 'dark'

const KEY = 'semaphore.theme'

/** Light or dark: the system's wish unless the user chose, and the choice is remembered in this browser. */
export const useThemeChoice = defineStore('theme', () => {
  const choice = ref<ThemeChoice>(remembered())
  const query = window.matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(query.matches)
  query.addEventListener('change', (event) => {
    systemDark.value = event.matches
  })

  const dark = computed(() => (choice.value === 'system' ? systemDark.value : choice.value === 'dark'))

  watch(choice, (value) => {
    try {
      if (value === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, value)
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  })

  function toggle(): void {
    choice.value = dark.value ? 'light' : 'dark'
  }

  return { choice, dark, toggle }
})

function remembered(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}
