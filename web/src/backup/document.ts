/** A backup as it is read from a file: whether it is one, and what is in it. Nothing here asks the server. */
import type { Backup } from '@/api/backup'
import { plural, t } from '@/language/translate'

/** The kinds of objects in the order in which people think of them. */
const KINDS: readonly [kind: string, words: (count: number) => string][] = [
  ['templates', (count) => plural('{count} template', '{count} templates', count)],
  ['schedules', (count) => plural('{count} schedule', '{count} schedules', count)],
  ['inventories', (count) => plural('{count} inventory', '{count} inventories', count)],
  ['environments', (count) => plural('{count} variable group', '{count} variable groups', count)],
  ['repositories', (count) => plural('{count} repository', '{count} repositories', count)],
  ['keys', (count) => plural('{count} key', '{count} keys', count)],
  ['integrations', (count) => plural('{count} integration', '{count} integrations', count)],
  ['views', (count) => plural('{count} view', '{count} views', count)],
  ['secret_storages', (count) => plural('{count} secret storage', '{count} secret storages', count)],
  ['roles', (count) => plural('{count} role', '{count} roles', count)],
]

/** The document in a text. Throws an error with words for people if it is none. */
export function readBackup(text: string): Backup {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(t('This file is not JSON. Choose one that was downloaded as a backup.'))
  }
  const meta = isObject(value) ? value.meta : undefined
  if (!isObject(value) || !isObject(meta) || typeof meta.name !== 'string') {
    throw new Error(t('This file is JSON, but no backup of a project: it has no meta.name.'))
  }
  return value as unknown as Backup
}

/** What is in it, such as "3 templates, 1 key". */
export function contents(backup: Backup): string {
  const parts = KINDS.flatMap(([kind, words]) => {
    const list = backup[kind]
    const count = Array.isArray(list) ? list.length : 0
    return count === 0 ? [] : [words(count)]
  })
  return parts.length === 0 ? t('nothing but its settings') : parts.join(', ')
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
