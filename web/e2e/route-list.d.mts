export function routesOf(document: { paths: Record<string, Record<string, unknown>> }): string[]
export function routeOf(routes: readonly string[], call: string): string | undefined
export function problemsOf(routes: readonly string[], calls: readonly string[], reasons: Readonly<Record<string, string>>): string[]
