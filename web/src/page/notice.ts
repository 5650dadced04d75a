import { shallowRef } from 'vue'

export interface Notice {
  readonly text: string
  readonly tone: 'info' | 'error'
}

/** The one short message at the foot of the page. */
export const notice = shallowRef<Notice | null>(null)

/** How many there have been: each is shown for its own time, not for what is left of the time of the one before it. */
export const noticeCount = shallowRef(0)

export function tell(text: string): void {
  show({ text, tone: 'info' })
}

export function complain(text: string): void {
  show({ text, tone: 'error' })
}

function show(next: Notice): void {
  notice.value = next
  noticeCount.value += 1
}
