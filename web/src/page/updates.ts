import { onScopeDispose } from 'vue'
import type { UpdateFrame } from '@/api/types'
import { liveSocket, type LiveSocket } from '@/live/socket'

const POLL_MS = 5000
const GATHER_MS = 300

/**
 * Live status for a list of tasks. `update` is called for each frame of the project and says whether the list knew the
 * task; if not, or after a gap, `reload` is called. Without a socket the list is read again every few seconds.
 */
export function useTaskUpdates(
  project: () => number,
  update: (frame: UpdateFrame) => boolean,
  reload: () => void,
  socket: LiveSocket = liveSocket,
): void {
  let gather: ReturnType<typeof setTimeout> | undefined
  const soon = () => {
    gather ??= setTimeout(() => {
      gather = undefined
      reload()
    }, GATHER_MS)
  }
  const unsubscribe = socket.subscribe({
    // Also the first time: what happened between the reading of the list and now was told to nobody.
    open: soon,
    frame: (frame) => {
      if (frame.type === 'update' && frame.project_id === project() && !update(frame)) soon()
    },
  })
  const timer = setInterval(() => {
    if (socket.state !== 'open' && document.visibilityState !== 'hidden') reload()
  }, POLL_MS)
  onScopeDispose(() => {
    clearTimeout(gather)
    clearInterval(timer)
    unsubscribe()
  })
}
