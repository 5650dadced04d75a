import { t } from '@/language/translate'
import { apiAddress } from './address'

/** What went wrong, told so that a person can act on it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    message: string,
    /** The server's own words, when it sent any. */
    readonly serverMessage: string | null = null,
  ) {
    super(message)
  }

  /** True if the same call may succeed later without any change. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** Called for every 401 of a call that needed a session. The session store sets it. */
let unauthenticated: ((error: ApiError) => void) | null = null

export function onUnauthenticated(handler: ((error: ApiError) => void) | null): void {
  unauthenticated = handler
}

/** Called for every call that the server did not answer, or that a proxy answered in its place. */
let unanswered: (() => void) | null = null

export function onUnanswered(handler: (() => void) | null): void {
  unanswered = handler
}

export interface RequestOptions {
  body?: unknown
  signal?: AbortSignal
  /** `text` gives the body as it is; otherwise JSON is parsed and an empty body gives null. */
  as?: 'json' | 'text'
  /** A 401 of this call is an answer, not the end of the session (login, second factor). */
  ownAuthentication?: boolean
}

/**
 * Calls the API. Rejects with ApiError, or with the signal's own AbortError when the caller gave up.
 */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: options.as === 'text' ? 'text/plain' : 'application/json' }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'

  let response: Response
  let text: string
  try {
    response = await fetch(apiAddress(path), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    })
    text = await response.text()
  } catch (cause) {
    if (isAbort(cause)) throw cause
    unanswered?.()
    throw new ApiError(0, t('The server does not answer. Check your connection and that the server is running.'))
  }

  if (!response.ok) {
    const error = errorOf(response.status, text, response.headers.get('X-Semaphore-Error') ?? null)
    if (response.status === 401 && !options.ownAuthentication) unauthenticated?.(error)
    if (response.status === 502 || response.status === 504) unanswered?.()
    throw error
  }
  if (options.as === 'text') return text as T
  if (text === '') return null as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new ApiError(response.status, t('The server sent an answer that is not valid JSON. A proxy in between may be at fault.'))
  }
}

/**
 * The data of the first event with this name of a stream of events; the rest is not waited for. Null if there is none.
 */
export async function firstEvent<T>(path: string, name: string, signal?: AbortSignal): Promise<T | null> {
  const response = await fetch(apiAddress(path), { headers: { Accept: 'text/event-stream' }, credentials: 'same-origin', signal })
  if (!response.ok || response.body === null) throw new ApiError(response.status, statusText(response.status))
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      text += value ?? ''
      const found = text.split('\n\n').slice(0, -1).find((event) => event.split('\n').includes(`event: ${name}`))
      const data = found?.split('\n').find((line) => line.startsWith('data: '))
      if (data !== undefined) return JSON.parse(data.slice('data: '.length)) as T
      if (done) return null
    }
  } finally {
    // The server goes on telling otherwise.
    void reader.cancel().catch(() => undefined)
  }
}

/** Asks for a list: some answers are null where an empty list is meant. */
export async function requestList<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  return (await request<T[] | null>('GET', path, { signal })) ?? []
}

export function isAbort(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'AbortError'
}

/** Text for a person out of whatever was thrown. */
export function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Where the Go server says nothing in the body, ours says why in the head; of a refused body that is the best there is to tell. */
function errorOf(status: number, body: string, inHead: string | null): ApiError {
  const serverMessage = serverWords(body) ?? (status === 400 ? inHead : null)
  return new ApiError(status, serverMessage ? sentence(serverMessage) : statusText(status), serverMessage)
}

/** The message in `{"error": "..."}`, `{"message": "..."}` or a short plain text. HTML (of a proxy) is not shown. */
function serverWords(body: string): string | null {
  const text = body.trim()
  if (text === '') return null
  if (text.startsWith('{')) {
    try {
      const parsed = JSON.parse(text) as Record<string, unknown>
      for (const key of ['error', 'message']) {
        const value = parsed[key]
        if (typeof value === 'string' && value.trim() !== '') return value.trim()
      }
    } catch {
      return null
    }
    return null
  }
  if (text.startsWith('<') || text.length > 300) return null
  return text
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(first) ? first : `${first}.`
}

function statusText(status: number): string {
  switch (status) {
    case 400:
      return t('The server did not accept the request.')
    case 401:
      return t('You are not signed in, or not allowed to do this.')
    case 403:
      return t('Your role does not allow this. Ask an owner of the project.')
    case 404:
      return t('Not found. It may have been deleted, or you are not a member of the project.')
    case 409:
      return t('The server refused because something else depends on it or changed meanwhile.')
    case 413:
      return t('The request is too large.')
    case 429:
      return t('Too many requests. Wait a moment and try again.')
    case 502:
    case 503:
    case 504:
      return t('The server cannot be reached right now (status {status}). Try again in a moment.', { status })
    default:
      return status >= 500
        ? t('The server failed (status {status}). Its log says why.', { status })
        : t('The server answered with status {status}.', { status })
  }
}
