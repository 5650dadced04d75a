import type { Task, TaskStatus, UpdateFrame } from '@/api/types'
import { phrase, t } from '@/language/translate'

/** What a person reads, and how it is drawn. */
export interface StatusLook {
  readonly label: string
  readonly tone: 'neutral' | 'active' | 'attention' | 'success' | 'error'
}

const LOOKS: Record<TaskStatus, StatusLook> = {
  waiting: { label: phrase('Waiting'), tone: 'neutral' },
  starting: { label: phrase('Starting'), tone: 'active' },
  running: { label: phrase('Running'), tone: 'active' },
  waiting_confirmation: { label: phrase('Waiting for confirmation'), tone: 'attention' },
  confirmed: { label: phrase('Confirmed'), tone: 'active' },
  rejected: { label: phrase('Rejected'), tone: 'error' },
  stopping: { label: phrase('Stopping'), tone: 'attention' },
  stopped: { label: phrase('Stopped'), tone: 'neutral' },
  success: { label: phrase('Success'), tone: 'success' },
  error: { label: phrase('Failed'), tone: 'error' },
}

export function statusLook(status: string): StatusLook {
  // A newer server may know more; its own word is better than nothing.
  const look = LOOKS[status as TaskStatus] ?? { label: status, tone: 'neutral' }
  return { label: t(look.label), tone: look.tone }
}

/** True for the three statuses that never change again. */
export function hasEnded(status: TaskStatus): boolean {
  return status === 'success' || status === 'error' || status === 'stopped'
}

export interface TaskState {
  readonly task: Task
  /** Moment (milliseconds) of the newest news. */
  readonly asOf: number
}

export type TaskNews =
  /** An answer of GET task; `asOf` is when the question was asked. */
  | { readonly kind: 'fetched'; readonly task: Task; readonly asOf: number }
  /** A frame of the socket; `asOf` is when it came. */
  | { readonly kind: 'update'; readonly frame: UpdateFrame; readonly asOf: number }

/**
 * The next state of a task. News come by two ways that may overtake each other: an answer that was asked for before the
 * newest frame came does not set the status back, and a task that has ended never lives again.
 */
export function reduceTask(state: TaskState | null, news: TaskNews): TaskState | null {
  if (news.kind === 'fetched') {
    if (state === null) return { task: news.task, asOf: news.asOf }
    const older = news.asOf < state.asOf && !hasEnded(news.task.status)
    const revived = hasEnded(state.task.status) && !hasEnded(news.task.status)
    const keep = older || revived
    return {
      task: {
        ...news.task,
        status: keep ? state.task.status : news.task.status,
        start: news.task.start ?? state.task.start,
        end: news.task.end ?? state.task.end,
        version: news.task.version ?? state.task.version,
      },
      asOf: Math.max(state.asOf, news.asOf),
    }
  }
  if (state === null || news.frame.task_id !== state.task.id) return state
  const { frame } = news
  const revived = hasEnded(state.task.status) && !hasEnded(frame.status)
  return {
    task: {
      ...state.task,
      status: revived ? state.task.status : frame.status,
      start: frame.start ?? state.task.start,
      end: frame.end ?? state.task.end,
      version: frame.version ?? state.task.version,
    },
    asOf: Math.max(state.asOf, news.asOf),
  }
}

/** The same for rows of a list. Returns null if the task is not among them. */
export function reduceRows<Row extends Task>(rows: readonly Row[], frame: UpdateFrame): Row[] | null {
  const index = rows.findIndex((row) => row.id === frame.task_id)
  const row = rows[index]
  if (row === undefined) return null
  const next = reduceTask({ task: row, asOf: 0 }, { kind: 'update', frame, asOf: 0 })
  const copy = [...rows]
  if (next !== null) copy[index] = next.task as Row
  return copy
}
