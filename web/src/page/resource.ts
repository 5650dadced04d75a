import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import { ApiError, describe, isAbort } from '@/api/client'
import { onReturn } from '@/live/reach'

export interface Resource<T> {
  readonly data: ShallowRef<T | null>
  readonly error: ShallowRef<ApiError | null>
  readonly loading: ShallowRef<boolean>
  /** Asks again. What is shown stays until the answer is there; `quiet` keeps it also when the answer is an error. */
  reload(options?: { quiet?: boolean }): Promise<void>
}

/** Something that is read from the server for a page: its value, whether it is on its way, and why it failed. */
export function useResource<T>(read: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const data = shallowRef<T | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const loading = shallowRef(false)
  let running: AbortController | null = null

  async function reload(options: { quiet?: boolean } = {}): Promise<void> {
    running?.abort()
    const own = new AbortController()
    running = own
    loading.value = true
    if (!options.quiet) error.value = null
    try {
      const value = await read(own.signal)
      if (running !== own) return
      data.value = value
      error.value = null
    } catch (cause) {
      if (running !== own || isAbort(cause)) return
      if (!options.quiet || data.value === null) {
        error.value = cause instanceof ApiError ? cause : new ApiError(0, describe(cause))
      }
    } finally {
      if (running === own) loading.value = false
    }
  }

  const forget = onReturn(() => {
    if (error.value?.temporary) void reload()
  })
  onScopeDispose(() => {
    forget()
    running?.abort()
  })
  return { data, error, loading, reload }
}
