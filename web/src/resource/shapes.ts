/** Keys, repositories, inventories and variable groups of a project: their shapes, and what is wrong with one before it is sent. */
import { t } from '@/language/translate'

/** The part of the address that names a list. */
export type ResourceKind = 'keys' | 'repositories' | 'inventory' | 'environment' | 'secret_storages'

export interface Resource {
  id: number
  name: string
}

/** Fields with what is wrong with them. */
export type Problems = Record<string, string>

export interface AccessKey extends Resource {
  type: 'none' | 'ssh' | 'login_password' | 'string'
  ssh: { login: string; passphrase: string; private_key: string }
  login_password: { login: string; password: string }
  string: string
  /** In a change: type and secret are replaced too. */
  override_secret?: boolean
  /** The type wants a secret and there is none. */
  empty?: boolean
  source_storage_type?: string | null
  source_storage_key?: string | null
  /** The secret storage, if the source is `vault`. */
  source_storage_id?: number | null
}

/** A place outside the database that keys come from. */
export interface SecretStorage extends Resource {
  type: string
  params: { url?: string; mount?: string; namespace?: string; [name: string]: unknown } | null
  /** Keys are read from it only, none is written. */
  readonly: boolean
  /** Where the token for it is; absent: in the database. */
  source_storage_type?: string | null
  /** The token on its way in; the name of the variable or the path of the file. */
  secret?: string
}

export interface RepositoryResource extends Resource {
  git_url: string
  git_branch: string
  ssh_key_id: number | null
}

export interface Inventory extends Resource {
  type: string
  inventory: string
  ssh_key_id: number | null
  become_key_id: number | null
  repository_id: number | null
  runner_tag?: string | null
}

export interface VariableSecret {
  id: number
  name: string
  type: 'var' | 'env'
  secret: string
  operation: '' | 'create' | 'update' | 'delete'
}

export interface VariableGroup extends Resource {
  /** JSON objects as text. */
  json: string
  env: string | null
  secrets?: VariableSecret[] | null
}

/** What uses an object, by kind. */
export type Referrers = Record<string, { id: number; name: string }[] | null>

/** The names of everything that uses an object. */
export function referrerNames(referrers: Referrers): string[] {
  return [...new Set(Object.values(referrers).flatMap((list) => (list ?? []).map((each) => each.name)))]
}

function named(resource: Resource): Problems {
  return resource.name.trim() === '' ? { name: t('Enter a name.') } : {}
}

export function checkKey(key: AccessKey): Problems {
  const problems = named(key)
  if (key.id !== 0 && !key.override_secret) return problems
  if (isElsewhere(key)) {
    if (!key.source_storage_key?.trim()) problems.source = key.source_storage_type === 'file' ? t('Enter the path of the file.') : t('Enter the name of the variable.')
    return problems
  }
  if (key.source_storage_type === 'vault') {
    if (key.source_storage_id == null) problems.storage = t('Choose a secret storage.')
    if (!key.source_storage_key?.trim()) problems.source = t('Enter the path in the storage.')
    if (key.type === 'login_password' && key.login_password.login !== '' && key.login_password.password === '') problems.password = t('Enter the password too, or neither.')
    return problems
  }
  if (key.type === 'ssh' && key.ssh.private_key.trim() === '') problems.private_key = t('Paste the private key.')
  if (key.type === 'login_password' && key.login_password.password === '') problems.password = t('Enter the password or token.')
  return problems
}

/** Whether the secret is read from a variable or file of the server when it is needed. */
export function isElsewhere(key: AccessKey): boolean {
  return key.source_storage_type === 'env' || key.source_storage_type === 'file'
}

export function checkStorage(storage: SecretStorage): Problems {
  const problems = named(storage)
  if (!/^https?:\/\/[^\s/]+/.test(storage.params?.url?.trim() ?? '')) problems.url = t('Enter the address, such as https://vault.example.com:8200.')
  const isElsewhere = storage.source_storage_type === 'env' || storage.source_storage_type === 'file'
  if ((isElsewhere || storage.id === 0) && !storage.secret?.trim()) {
    problems.secret = storage.source_storage_type === 'env' ? t('Enter the name of the variable.') : storage.source_storage_type === 'file' ? t('Enter the path of the file.') : t('Enter the token.')
  }
  return problems
}

export function checkRepository(repository: RepositoryResource): Problems {
  const problems = named(repository)
  const url = repository.git_url.trim()
  if (url === '') problems.git_url = t('Enter a URL or an absolute path.')
  else if (!url.startsWith('/') && repository.git_branch.trim() === '') problems.git_branch = t('Enter a branch.')
  if (repository.ssh_key_id === null) problems.ssh_key_id = t('Choose a key. One of the type None does for public repositories.')
  return problems
}

export function checkInventory(inventory: Inventory): Problems {
  const problems = named(inventory)
  const isStatic = inventory.type.startsWith('static')
  if (inventory.type === '') problems.type = t('Choose a type.')
  else if (!isStatic && inventory.inventory.trim() === '') problems.inventory = inventory.type === 'file' ? t('Enter the path of the file.') : t('Enter the name of the workspace.')
  if ((isStatic || inventory.type === 'file') && inventory.ssh_key_id === null) problems.ssh_key_id = t('Choose a key to reach the hosts with.')
  return problems
}

export function checkVariables(group: VariableGroup): Problems {
  const problems = named(group)
  if (objectOf(group.json) === null) problems.json = t('This is not a JSON object such as {example}.', { example: '{"version": "1.2"}' })
  const env = objectOf(group.env ?? '')
  if (env === null || Object.values(env).some((value) => typeof value === 'object' && value !== null)) problems.env = t('This is not a JSON object of plain values such as {example}.', { example: '{"LANG": "C.UTF-8"}' })
  for (const [index, secret] of (group.secrets ?? []).entries()) {
    if (secret.operation === 'delete') continue
    if (secret.name.trim() === '') problems[`secret-${index}`] = t('Enter a name.')
    else if (secret.operation === 'create' && secret.secret === '') problems[`secret-${index}`] = t('Enter a value.')
  }
  return problems
}

/** The object in a JSON text; an empty text is an empty one, null if it is something else. */
function objectOf(text: string): Record<string, unknown> | null {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** The body of a request: changes of secrets only. */
export function variablesBody(group: VariableGroup): VariableGroup {
  return { ...group, secrets: (group.secrets ?? []).filter((secret) => secret.operation !== '') }
}
