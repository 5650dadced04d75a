/** What roles allow: a set of bits, as the server stores and sends it. */
import { inSentence, phrase, t } from '@/language/translate'

export const RUN_TASKS = 1
export const UPDATE_PROJECT = 2
export const MANAGE_RESOURCES = 4
export const MANAGE_USERS = 8

export const PERMISSIONS: readonly { bit: number; title: string; words: string }[] = [
  { bit: RUN_TASKS, title: phrase('Run tasks'), words: phrase('Start, stop, confirm and reject them') },
  { bit: MANAGE_RESOURCES, title: phrase('Manage resources'), words: phrase('Change templates, schedules, keys, inventories and the like') },
  { bit: MANAGE_USERS, title: phrase('Manage members'), words: phrase('Add and remove people, and give them roles') },
  { bit: UPDATE_PROJECT, title: phrase('Manage the project'), words: phrase('Change its settings, and delete it') },
]

export const isSet = (permissions: number | null | undefined, bit: number) => ((permissions ?? 0) & bit) === bit

/** "Run tasks, manage members"; the words for a role that allows nothing. */
export function permissionWords(permissions: number): string {
  const titles = PERMISSIONS.filter(({ bit }) => isSet(permissions, bit)).map(({ title }) => t(title))
  return titles.length === 0 ? t('Looks only') : titles.map((title, index) => (index === 0 ? title : inSentence(title))).join(', ')
}

/** A slug of small letters, digits and underscores, out of a name. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 50)
}
