import { readonly, ref } from 'vue'
import { apiAddress } from '@/api/address'
import { liveSocket } from './socket'

/** How long between two questions whether the server is there again. */
const ASK_MS = 3000

const away = ref(false)
let asked: Promise<boolean> | null = null
let timer: ReturnType<typeof setTimeout> | undefined
const waiting = new Set<() => void>()

/** Whether the server does not answer, as far as this page knows. */
export const serverIsAway = readonly(away)

/** Calls this each time the server answers again after it was away, until the returned function is called. */
export function onReturn(action: () => void): () => void {
  waiting.add(action)
  return () => waiting.delete(action)
}

/** After a call without an answer, or when the browser says so: asks the server whether it is there, again and again until it is. Says whether it is. */
export async function askWhetherThere(): Promise<boolean> {
  clearTimeout(timer)
  asked ??= answers()
  const there = await asked
  asked = null
  if (!there) {
    away.value = true
    clearTimeout(timer)
    timer = setTimeout(() => void askWhetherThere(), ASK_MS)
  } else if (away.value) {
    away.value = false
    liveSocket.hurry()
    for (const action of [...waiting]) action()
  }
  return there
}

async function answers(): Promise<boolean> {
  try {
    // A proxy in front of a server that is away answers by itself.
    return (await fetch(apiAddress('ping'), { cache: 'no-store' })).ok
  } catch {
    return false
  }
}
