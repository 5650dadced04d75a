/** What the server wants to be said on every page for as long as it runs, from the page's own head; empty if there is nothing. */
export function standingNotice(page: Document = document): string {
  return page.querySelector('meta[name="semaphore-notice"]')?.getAttribute('content') ?? ''
}
