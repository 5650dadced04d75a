import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const compress = promisify(gzip)

/** File kinds that shrink; images and fonts are compressed already. */
const TEXT = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt', '.map'])

/**
 * Writes `name.gz` next to every text file of the bundle that is larger than `minimumBytes`,
 * so that the server can send it as it is. index.html is left out: the server rewrites its base address.
 */
export function precompress(options: { minimumBytes: number }): Plugin {
  let directory = ''
  return {
    name: 'semaphore-precompress',
    apply: 'build',
    configResolved(config) {
      directory = join(config.root, config.build.outDir)
    },
    async closeBundle() {
      for (const file of await filesUnder(directory)) {
        if (!TEXT.has(extname(file)) || file.endsWith('index.html')) continue
        if ((await stat(file)).size <= options.minimumBytes) continue
        const content = await readFile(file)
        // Level 9 and no name or time in the header: the same input gives the same bytes.
        await writeFile(`${file}.gz`, await compress(content, { level: 9 }))
      }
    },
  }
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const found: string[] = []
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) found.push(...(await filesUnder(path)))
    else found.push(path)
  }
  return found.sort()
}
