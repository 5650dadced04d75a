import { onScopeDispose, ref, type Ref } from 'vue'

/** The present in milliseconds, renewed every `interval` milliseconds as long as the component lives. */
export function useNow(interval: number): Ref<number> {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, interval)
  onScopeDispose(() => clearInterval(timer))
  return now
}
