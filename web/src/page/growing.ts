import { onBeforeUnmount, ref, watch, type Ref } from 'vue'

const STEP = 30

/**
 * How many rows of a long list are drawn: as many as fill the screen, and more as soon as the end of the list comes into
 * sight. `end` is an element that stands after the last row. `reset` says when it begins again.
 */
export function useGrowing(end: Readonly<Ref<HTMLElement | null>>, reset: () => unknown): Ref<number> {
  const shown = ref(STEP)
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return
      shown.value += STEP
      // Said again if the end is still in sight then.
      if (end.value) {
        observer.unobserve(end.value)
        observer.observe(end.value)
      }
    },
    { rootMargin: '800px' },
  )
  watch(end, (element, old) => {
    if (old) observer.unobserve(old)
    if (element) observer.observe(element)
  })
  watch(reset, () => {
    shown.value = STEP
  })
  onBeforeUnmount(() => observer.disconnect())
  return shown
}
