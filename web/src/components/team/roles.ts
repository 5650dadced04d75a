import type { Role } from '@/api/team'
import { t } from '@/language/translate'

const builtIn = () => [
  { value: 'owner', title: t('Owner'), words: t('Everything, also the team') },
  { value: 'manager', title: t('Manager'), words: t('Changes templates, keys and the rest') },
  { value: 'task_runner', title: t('Task runner'), words: t('Runs and stops tasks') },
  { value: 'guest', title: t('Guest'), words: t('Looks only') },
]

export interface RoleChoice {
  value: string
  title: string
  words: string
}

/** The roles that a person can have in a project: the built-in ones and those that somebody made. */
export function roleChoices(made: readonly Role[]): RoleChoice[] {
  return [...builtIn(), ...made.map((role) => ({ value: role.slug, title: role.name, words: t('A role of your own') }))]
}

export function roleTitle(choices: readonly RoleChoice[], role: string): string {
  return choices.find((choice) => choice.value === role)?.title ?? role
}
