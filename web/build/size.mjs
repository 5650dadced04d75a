// Prints what a first visit loads: index.html, the scripts and styles it names, and the login page with all that it imports. Sizes are gzip.
// Fails above the limit, so a careless import is noticed.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT_KIB = 250
const dist = new URL('../dist/', import.meta.url)
const html = readFileSync(new URL('index.html', dist), 'utf8')
const initial = new Set([...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map((match) => match[1]))
const size = (name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length

let total = size('index.html')
for (const name of initial) {
  console.log(`${(size(name) / 1024).toFixed(1).padStart(8)} KiB  ${name}`)
  total += size(name)
}
const assets = readdirSync(new URL('assets/', dist)).filter((name) => /\.(js|css)$/.test(name))
const whole = assets.reduce((sum, name) => sum + size(`assets/${name}`), 0)

/** Everything a chunk imports, directly or not, and the styles that stand next to it by name. */
function reach(name, seen = new Set()) {
  if (seen.has(name)) return seen
  seen.add(name)
  const text = readFileSync(new URL(`assets/${name}`, dist), 'utf8')
  for (const match of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) reach(match[1], seen)
  const stem = name.replace(/-[\w-]{8}\.js$/, '')
  for (const style of assets) if (style.endsWith('.css') && style.replace(/-[\w-]{8}\.css$/, '') === stem) seen.add(style)
  return seen
}
const login = assets.filter((name) => /^LoginView-.*\.js$/.test(name)).flatMap((name) => [...reach(name)])
const withLogin = login.map((name) => `assets/${name}`).filter((name) => !initial.has(name)).reduce((sum, name) => sum + size(name), total)
console.log(`initial load ${(total / 1024).toFixed(1)} KiB gzip, with the login page ${(withLogin / 1024).toFixed(1)} KiB, everything ${(whole / 1024).toFixed(1)} KiB`)
if (withLogin > LIMIT_KIB * 1024) {
  console.error(`the first visit is above ${LIMIT_KIB} KiB`)
  process.exit(1)
}
