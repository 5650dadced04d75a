import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { systemApi, type SystemInformation } from '@/api/system'

/** What the server says about itself to everybody who is signed in. */
export const useServer = defineStore('server', () => {
  const information = shallowRef<SystemInformation | null>(null)
  let asked: Promise<void> | null = null

  /** Asks once; what depends on the answer is not offered before it is there. */
  function ensure(): Promise<void> {
    asked ??= systemApi.information().then(
      (found) => {
        information.value = found
      },
      () => {
        // The next page asks again.
        asked = null
      },
    )
    return asked
  }

  const hasProjectRunners = computed(() => information.value?.premium_features?.project_runners === true)

  return { information, hasProjectRunners, ensure }
})
