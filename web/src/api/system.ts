/** Facts about the server itself. */
import { request } from './client'

export interface SystemInformation {
  version: string
  ansible: string
  web_host: string
  git_client: string
  schedule_timezone: string
  use_remote_runner: boolean
  /** `username`, `email` or `both`: how people are invited into projects. */
  teams?: { invite_type?: string }
  /** What the reference keeps for another edition, and whether it is here. */
  premium_features?: Record<string, boolean>
  auth_methods?: Record<string, unknown>
}

export const systemApi = {
  information: (signal?: AbortSignal) => request<SystemInformation>('GET', 'info', { signal }),
}
