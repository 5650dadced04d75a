/** Calls about who is told how tasks end. */
import { phrase, t } from '@/language/translate'
import { request, requestList } from './client'
import type { TaskStatus } from './types'

export type AlertChannel = 'email' | 'telegram' | 'slack' | 'rocketchat' | 'microsoft_teams' | 'dingtalk' | 'gotify'
export type AlertOccasion = 'always' | 'failure' | 'recovered'

/** What a template tells through a channel instead of the usual. */
export interface AlertRule {
  channel: AlertChannel
  occasion: AlertOccasion
}

/** An alert about a task and what became of it. */
export interface TaskAlert {
  channel: AlertChannel
  /** The status that it tells. */
  status: TaskStatus
  attempts: number
  sent: string | null
  /** Null if it was sent, is being sent, or is given up. */
  next_attempt: string | null
  failure: string | null
}

export const CHANNELS: readonly { value: AlertChannel; title: string }[] = [
  { value: 'email', title: phrase('E-mail') },
  { value: 'slack', title: 'Slack' },
  { value: 'telegram', title: 'Telegram' },
  { value: 'microsoft_teams', title: 'Microsoft Teams' },
  { value: 'rocketchat', title: 'Rocket.Chat' },
  { value: 'dingtalk', title: 'DingTalk' },
  { value: 'gotify', title: 'Gotify' },
]

export const channelTitle = (channel: string) => t(CHANNELS.find((each) => each.value === channel)?.title ?? channel)

export const alertApi = {
  rules: (project: number, template: number, signal?: AbortSignal) =>
    request<{ rules: AlertRule[] }>('GET', `project/${project}/templates/${template}/alerts`, { signal }),
  setRules: (project: number, template: number, rules: AlertRule[]) =>
    request<null>('PUT', `project/${project}/templates/${template}/alerts`, { body: { rules } }),
  ofTask: (project: number, task: number, signal?: AbortSignal) => requestList<TaskAlert>(`project/${project}/tasks/${task}/alerts`, signal),
}
