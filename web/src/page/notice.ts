import { shallowRef } from 'vue'

export interface Notice {
  readonly text: string
  readonly tone: 'info' | 'error'
}

/** The one short message at the foot of the page. */
export const notice = shallowRef<Notice | null>(null)

export function tell(text: string): void {
  notice.value = { text, tone: 'info' }
}

export function complain(text: string): void {
  notice.value = { text, tone: 'error' }
}
