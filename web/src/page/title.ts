import { watchEffect } from 'vue'

/** Title of the browser tab; empty parts are left out. */
export function useTitle(parts: () => (string | null | undefined)[]): void {
  watchEffect(() => {
    document.title = [...parts().filter((part) => part), 'Semaphore'].join(' · ')
  })
}
