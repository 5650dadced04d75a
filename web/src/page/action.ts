import { ref, type Ref } from 'vue'
import { describe } from '@/api/client'

export interface Action {
  readonly busy: Ref<boolean>
  /** Why the last attempt failed, for people; null if it did not. */
  readonly failure: Ref<string | null>
  /** Does it and says whether it went well. While one is on its way, another is not begun. */
  act(action: () => Promise<void>): Promise<boolean>
}

/** Something that changes the server's data: whether it is on its way, and why it failed. */
export function useAction(): Action {
  const busy = ref(false)
  const failure = ref<string | null>(null)

  async function act(action: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    failure.value = null
    try {
      await action()
      return true
    } catch (cause) {
      failure.value = describe(cause)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, failure, act }
}
