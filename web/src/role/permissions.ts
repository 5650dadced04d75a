/** What roles allow: a set of bits, as the server stores and sends it. */
export const RUN_TASKS = 1
export const UPDATE_PROJECT = 2
export const MANAGE_RESOURCES = 4
export const MANAGE_USERS = 8

export const PERMISSIONS: readonly { bit: number; title: string; words: string }[] = [
  { bit: RUN_TASKS, title: 'Run tasks', words: 'Start, stop, confirm and reject them' },
  { bit: MANAGE_RESOURCES, title: 'Manage resources', words: 'Change templates, schedules, keys, inventories and the like' },
  { bit: MANAGE_USERS, title: 'Manage members', words: 'Add and remove people, and give them roles' },
  { bit: UPDATE_PROJECT, title: 'Manage the project', words: 'Change its settings, and delete it' },
]

export const isSet = (permissions: number | null | undefined, bit: number) => ((permissions ?? 0) & bit) === bit

/** "Run tasks, manage members"; the words for a role that allows nothing. */
export function permissionWords(permissions: number): string {
  const titles = PERMISSIONS.filter(({ bit }) => isSet(permissions, bit)).map(({ title }) => title)
  return titles.length === 0 ? 'Looks only' : titles.map((title, index) => (index === 0 ? title : title.charAt(0).toLowerCase() + title.slice(1))).join(', ')
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
