/** Searching and sorting the list of templates, without asking the server. */
import type { Template } from '@/api/types'

export type SortColumn = 'name' | 'playbook' | 'status' | 'when'
/** A column, with a minus for the reverse; empty is the order of the server. */
export type Sort = '' | SortColumn | `-${SortColumn}`

const COLUMNS = ['name', 'playbook', 'status', 'when'] as const
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

export function sortOf(text: unknown): Sort {
  return typeof text === 'string' && (COLUMNS as readonly string[]).includes(text.replace(/^-/, '')) ? (text as Sort) : ''
}

/** What a click on the head of a column makes of the order: up, down, none. */
export function nextSort(sort: Sort, column: SortColumn): Sort {
  if (sort === column) return `-${column}`
  return sort === `-${column}` ? '' : column
}

/** Templates in whose name, description or playbook every word occurs. */
export function search(templates: readonly Template[], text: string): Template[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '')
  if (words.length === 0) return [...templates]
  return templates.filter((template) => {
    const where = `${template.name}\n${template.description ?? ''}\n${template.playbook}`.toLowerCase()
    return words.every((word) => where.includes(word))
  })
}

/** The list in the order of a column. Templates that have never run are last, whichever way it goes. */
export function sorted(templates: readonly Template[], sort: Sort): Template[] {
  if (sort === '') return [...templates]
  const reverse = sort.startsWith('-')
  const column = sort.replace(/^-/, '') as SortColumn
  const value = (template: Template): string => {
    if (column === 'name') return template.name
    if (column === 'playbook') return template.playbook
    const task = template.last_task
    return (column === 'status' ? task?.status : (task?.start ?? task?.created)) ?? ''
  }
  return [...templates].sort((one, other) => {
    const [a, b] = [value(one), value(other)]
    if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1
    const order = column === 'when' ? Date.parse(a) - Date.parse(b) : collator.compare(a, b)
    return reverse ? -order : order
  })
}
