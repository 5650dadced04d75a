import type { Role } from '@/api/team'

const BUILT_IN = [
  { value: 'owner', title: 'Owner', words: 'Everything, also the team' },
  { value: 'manager', title: 'Manager', words: 'Changes templates, keys and the rest' },
  { value: 'task_runner', title: 'Task runner', words: 'Runs and stops tasks' },
  { value: 'guest', title: 'Guest', words: 'Looks only' },
]

export interface RoleChoice {
  value: string
  title: string
  words: string
}

/** The roles that a person can have in a project: the built-in ones and those that somebody made. */
export function roleChoices(made: readonly Role[]): RoleChoice[] {
  return [...BUILT_IN, ...made.map((role) => ({ value: role.slug, title: role.name, words: 'A role of your own' }))]
}

export function roleTitle(choices: readonly RoleChoice[], role: string): string {
  return choices.find((choice) => choice.value === role)?.title ?? role
}
