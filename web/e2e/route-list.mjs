// Which routes of the API the pages call: calls are matched with the description of the API, and the rest with the reasons for them.

/** Every route of the description, as `GET /api/projects`. */
export function routesOf(document) {
  const methods = ['get', 'post', 'put', 'delete', 'patch', 'head', 'options']
  return Object.entries(document.paths).flatMap(([path, item]) => methods.filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`))
}

/** The route that answers a call; undefined if there is none. Names in the path win over parameters. */
export function routeOf(routes, call) {
  const [method, path] = call.split(' ')
  const segments = path.split('/')
  const parameters = (route) => (route.match(/\{/g) ?? []).length
  return routes
    .filter((route) => {
      const [routeMethod, routePath] = route.split(' ')
      const pattern = routePath.split('/')
      if (routeMethod !== method) return false
      // A parameter of this name is the rest of the path.
      const open = pattern.at(-1)?.endsWith('_path}')
      if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false
      return pattern.every((part, index) => (part.startsWith('{') ? segments[index] !== '' : part === segments[index]))
    })
    .sort((one, other) => parameters(one) - parameters(other))[0]
}

/** What is wrong, for people; nothing if every route is either called or has a reason not to be. */
export function problemsOf(routes, calls, reasons) {
  const called = new Set(calls.map((call) => routeOf(routes, call)))
  const problems = []
  for (const route of routes) {
    const reason = reasons[route]
    if (called.has(route) && reason !== undefined) problems.push(`${route} is called now: take it off the list`)
    if (!called.has(route) && reason === undefined) problems.push(`${route} is called by no page of the tests: test it, or give the reason`)
    if (reason !== undefined && reason.trim() === '') problems.push(`${route} has an empty reason`)
  }
  for (const route of Object.keys(reasons)) if (!routes.includes(route)) problems.push(`${route} is on the list, and no route`)
  return problems
}
