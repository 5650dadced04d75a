/** States of Terraform as documents: what is in one, its text without secrets, and which resources differ between two. */

/** What stands for a value that Terraform calls sensitive. */
export const HIDDEN = '(sensitive)'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

export interface StateFacts {
  readonly serial: string
  readonly program: string
  readonly lineage: string
  readonly resources: number
  readonly outputs: number
}

/** The document; null if the text is none. */
export function parseState(text: string | undefined): JsonObject | null {
  try {
    const value = JSON.parse(text ?? '') as Json
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

export function factsOfState(state: JsonObject): StateFacts {
  return {
    serial: String(state.serial ?? '–'),
    program: String(state.terraform_version ?? '–'),
    lineage: String(state.lineage ?? '–'),
    resources: instancesOf(state).length,
    outputs: Object.keys(objectAt(state, 'outputs')).length,
  }
}

/** The lines of the document as it is read best; with `hide` without sensitive outputs and attributes. */
export function stateLines(state: JsonObject, hide: boolean): string[] {
  return JSON.stringify(hide ? masked(state) : state, null, 2).split('\n')
}

function masked(state: JsonObject): JsonObject {
  const copy = structuredClone(state)
  for (const output of Object.values(objectAt(copy, 'outputs'))) {
    if (isObject(output) && output.sensitive === true) output.value = HIDDEN
  }
  for (const { instance } of instancesOf(copy)) {
    for (const path of listAt(instance, 'sensitive_attributes')) hideAt(instance.attributes ?? null, stepsOf(path))
    // Providers keep data of their own there, and nothing says what.
    if (typeof instance.private === 'string') instance.private = HIDDEN
  }
  return copy
}

/** A path as Terraform writes it: steps, each with a name or a number, the latter wrapped once more. */
function stepsOf(path: Json): (string | number)[] {
  const steps = Array.isArray(path) ? path : [path]
  return steps.flatMap((step) => {
    const value = isObject(step) ? (isObject(step.value) ? step.value.value : step.value) : step
    return typeof value === 'string' || typeof value === 'number' ? [value] : []
  })
}

function hideAt(value: Json, steps: readonly (string | number)[]): void {
  let at: Json = value
  for (const [index, step] of steps.entries()) {
    if (typeof at !== 'object' || at === null) return
    const holder = at as { [key: string | number]: Json }
    if (!(step in holder)) return
    if (index === steps.length - 1) {
      if (holder[step] !== null) holder[step] = HIDDEN
      return
    }
    at = holder[step] ?? null
  }
}

export interface ResourceChange {
  readonly address: string
  readonly kind: 'added' | 'removed' | 'changed'
}

/** Resources and outputs that differ, whether their values are shown or not. */
export function resourceChanges(before: JsonObject, now: JsonObject): ResourceChange[] {
  const [earlier, later] = [valuesOf(before), valuesOf(now)]
  const changes: ResourceChange[] = []
  for (const address of [...new Set([...earlier.keys(), ...later.keys()])].sort()) {
    const [one, other] = [earlier.get(address), later.get(address)]
    if (one === other) continue
    changes.push({ address, kind: one === undefined ? 'added' : other === undefined ? 'removed' : 'changed' })
  }
  return changes
}

function valuesOf(state: JsonObject): Map<string, string> {
  const values = new Map<string, string>()
  for (const { address, instance } of instancesOf(state)) values.set(address, JSON.stringify(instance.attributes ?? instance))
  for (const [name, output] of Object.entries(objectAt(state, 'outputs'))) values.set(`output.${name}`, JSON.stringify(output))
  return values
}

function instancesOf(state: JsonObject): { address: string; instance: JsonObject }[] {
  return listAt(state, 'resources').flatMap((resource) => {
    if (!isObject(resource)) return []
    const module = typeof resource.module === 'string' ? `${resource.module}.` : ''
    const address = `${module}${resource.mode === 'data' ? 'data.' : ''}${String(resource.type)}.${String(resource.name)}`
    return listAt(resource, 'instances').flatMap((instance) => {
      if (!isObject(instance)) return []
      const key = instance.index_key
      return [{ address: key === undefined ? address : `${address}[${JSON.stringify(key)}]`, instance }]
    })
  })
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectAt(holder: JsonObject, key: string): JsonObject {
  const value = holder[key]
  return isObject(value) ? value : {}
}

function listAt(holder: JsonObject, key: string): Json[] {
  const value = holder[key]
  return Array.isArray(value) ? value : []
}
