/**
 * Addresses of the server, derived from <base href>, so that the page works under a sub-path.
 * Only the path of the base counts: a page opened by another host name than the configured one still talks to the
 * server it came from.
 */

/** Path of the application, always with a slash at the end. */
export function basePath(baseUri: string = document.baseURI): string {
  const path = new URL(baseUri).pathname
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/** Address of an API call; `path` begins without a slash, for example `project/1/tasks`. */
export function apiAddress(path: string, baseUri?: string): string {
  return `${basePath(baseUri)}api/${path}`
}

/** Address of the WebSocket, absolute because the WebSocket constructor did not always accept relative ones. */
export function socketAddress(query = '', page: { protocol: string; host: string } = location, baseUri?: string): string {
  const scheme = page.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${page.host}${basePath(baseUri)}api/ws${query}`
}
