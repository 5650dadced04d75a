/** A backup as it is read from a file: whether it is one, and what is in it. Nothing here asks the server. */
import type { Backup } from '@/api/backup'

/** The kinds of objects in the order in which people think of them. */
const KINDS: readonly [kind: string, one: string, many: string][] = [
  ['templates', 'template', 'templates'],
  ['schedules', 'schedule', 'schedules'],
  ['inventories', 'inventory', 'inventories'],
  ['environments', 'variable group', 'variable groups'],
  ['repositories', 'repository', 'repositories'],
  ['keys', 'key', 'keys'],
  ['integrations', 'integration', 'integrations'],
  ['views', 'view', 'views'],
  ['secret_storages', 'secret storage', 'secret storages'],
  ['roles', 'role', 'roles'],
]

/** The document in a text. Throws an error with words for people if it is none. */
export function readBackup(text: string): Backup {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('This file is not JSON. Choose one that was downloaded as a backup.')
  }
  const meta = isObject(value) ? value.meta : undefined
  if (!isObject(value) || !isObject(meta) || typeof meta.name !== 'string') {
    throw new Error('This file is JSON, but no backup of a project: it has no meta.name.')
  }
  return value as unknown as Backup
}

/** What is in it, such as "3 templates, 1 key". */
export function contents(backup: Backup): string {
  const parts = KINDS.flatMap(([kind, one, many]) => {
    const list = backup[kind]
    const count = Array.isArray(list) ? list.length : 0
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
  })
  return parts.length === 0 ? 'nothing but its settings' : parts.join(', ')
}

/** Whether somebody has to enter secrets after it was restored. */
export function hasSecrets(backup: Backup): boolean {
  return (
    entries(backup.keys).some((key) => key.type !== 'none' && !key.source_storage_type) ||
    entries(backup.environments).some((group) => entries(group.secrets).length > 0)
  )
}

function entries(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** A name for the file, safe on every system. */
export function fileName(project: string, day: Date): string {
  const name = project.normalize('NFKD').replace(/[^\w.-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '')
  return `backup-${name || 'project'}-${day.toISOString().slice(0, 10)}.json`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
