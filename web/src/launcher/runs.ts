/** The own runs of somebody who starts templates. */
import type { TaskListItem } from '@/api/types'
import { hasEnded } from '@/task/status'

/** The latest runs of a person, what has not ended first. */
export function ownRuns(tasks: readonly TaskListItem[], user: number, most: number): TaskListItem[] {
  const own = tasks.filter((task) => task.user_id === user)
  return [...own.filter((task) => !hasEnded(task.status)), ...own.filter((task) => hasEnded(task.status))].slice(0, most)
}
