import type { SurveyVariable } from '@/api/types'
import { t } from '@/language/translate'

export type SurveyValues = Record<string, string>

/** What the fields show at first: the values of an earlier run where there are any, otherwise the defaults. */
export function initialValues(variables: readonly SurveyVariable[], earlier: Record<string, unknown> = {}): SurveyValues {
  const values: SurveyValues = {}
  for (const variable of variables) {
    const previous = variable.type === 'secret' ? undefined : earlier[variable.name]
    values[variable.name] = previous == null ? (variable.default_value ?? '') : String(previous)
  }
  return values
}

/** Why a value cannot be used, or null. */
export function checkValue(variable: SurveyVariable, value: string): string | null {
  const label = variable.title || variable.name
  if (value.trim() === '') return variable.required ? t('{name} is required.', { name: label }) : null
  if (variable.type === 'int' && !/^[+-]?\d+$/.test(value.trim())) return t('{name} must be a whole number.', { name: label })
  if (variable.type === 'enum' && !(variable.values ?? []).some((choice) => choice.value === value)) {
    return t('{name} must be one of the choices.', { name: label })
  }
  return null
}

/** All problems, by variable name. Empty: the form may be sent. */
export function checkValues(variables: readonly SurveyVariable[], values: SurveyValues): Record<string, string> {
  const problems: Record<string, string> = {}
  for (const variable of variables) {
    const problem = checkValue(variable, values[variable.name] ?? '')
    if (problem !== null) problems[variable.name] = problem
  }
  return problems
}

/**
 * The two JSON objects of a new task: open values and secret ones. Empty values are left out, so that the template's
 * own variables show through. Whole numbers are sent as text, as the server's other clients do.
 */
export function splitValues(
  variables: readonly SurveyVariable[],
  values: SurveyValues,
): { environment: SurveyValues; secret: SurveyValues } {
  const environment: SurveyValues = {}
  const secret: SurveyValues = {}
  for (const variable of variables) {
    const value = values[variable.name] ?? ''
    if (value.trim() === '') continue
    if (variable.type === 'secret') secret[variable.name] = value
    else environment[variable.name] = variable.type === 'int' ? value.trim() : value
  }
  return { environment, secret }
}
