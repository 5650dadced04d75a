/** Calls that copy a whole project into a document and make a project of one. */
import { request } from './client'
import type { Project } from './types'

/** A project as a document: its objects by kind, referring to each other by name. No secrets are in it. */
export interface Backup {
  meta: { name: string } & Record<string, unknown>
  [kind: string]: unknown
}

export const backupApi = {
  /** With what the documents of the Go server lack; that server leaves it out when it restores one. */
  backup: (project: number) => request<Backup>('GET', `project/${project}/backup?extended=true`),
  restore: (backup: Backup) => request<Project>('POST', 'projects/restore', { body: backup }),
}
