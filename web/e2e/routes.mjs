// The last of the browser tests: every route of the API was called by a page in one of the others, or uncalled.json says why not.
//
//   CALLED_ROUTES=directory node e2e/routes.mjs
//
// The others have written what their pages called into that directory. With WRITE_UNCALLED=1 the list is written anew: reasons
// that are there are kept, new ones are left empty, and the next look fails until somebody has filled them in.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { problemsOf, routeOf, routesOf } from './route-list.mjs'

const directory = process.env.CALLED_ROUTES
if (!directory) {
  console.error('CALLED_ROUTES is not set. See the head of this file.')
  process.exit(2)
}
const list = new URL('./uncalled.json', import.meta.url)
const routes = routesOf(JSON.parse(readFileSync(new URL('../../docs/reference/openapi.json', import.meta.url), 'utf8')))
const calls = readdirSync(directory)
  .filter((name) => name.endsWith('.txt'))
  .flatMap((name) => readFileSync(`${directory}/${name}`, 'utf8').split('\n'))
  .filter((line) => line !== '')
const reasons = JSON.parse(readFileSync(list, 'utf8'))

if (process.env.WRITE_UNCALLED === '1') {
  const called = new Set(calls.map((call) => routeOf(routes, call)))
  const uncalled = routes.filter((route) => !called.has(route))
  writeFileSync(list, `${JSON.stringify(Object.fromEntries(uncalled.map((route) => [route, reasons[route] ?? ''])), null, 2)}\n`)
  console.log(`${uncalled.length} of ${routes.length} routes are on the list`)
  process.exit(0)
}

const problems = problemsOf(routes, calls, reasons)
const unknown = [...new Set(calls.filter((call) => routeOf(routes, call) === undefined))]
for (const call of unknown) problems.push(`${call} is called by a page, and no route`)
for (const problem of problems) console.log(`FAIL  ${problem}`)
console.log(`${routes.length - Object.keys(reasons).length} of ${routes.length} routes are called by pages; ${problems.length} wrong`)
process.exit(problems.length === 0 ? 0 : 1)
