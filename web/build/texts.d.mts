/** Types of texts.mjs, for the tests. */
export function textsOfSources(): Map<string, { plural: boolean }>
export function catalogue(code: string): Record<string, unknown>
export function languages(): string[]
export function missing(code: string, texts?: Map<string, { plural: boolean }>): string[]
