// The browser test of large amounts: a log of a million lines in Chromium and in Firefox, and a project with a thousand templates.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS. The server runs on this machine.
// FIREFOX (path of Firefox; without it, and with no firefox-esr installed, its part is left out), SLACK as in trace.mjs. Times and sizes are printed always.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert, picture, test } from './browser.mjs'
import { firefox, firefoxPath } from './firefox.mjs'
import { assertShort, longestTask, slack } from './trace.mjs'
import { base, call, eventually, login, password, scenario, visit } from './visit.mjs'

const LINES = 1_000_000
const TEMPLATES = 1000
const MOST_MEMORY_MB = 300
const INTERACTIVE_MS = 200

const sources = mkdtempSync(join(tmpdir(), 'semaphore-large-'))
writeFileSync(join(sources, 'many.sh'), `#!/usr/bin/env bash\nseq -f "line %.0f of many" ${LINES}\n`)
chmodSync(join(sources, 'many.sh'), 0o755)
chmodSync(sources, 0o755)

const line = (page, which) => page.locator('.log-text').filter({ hasText: new RegExp(`^line ${which} of many$`) })
const number = (page, which) => page.locator('.log-number').filter({ hasText: new RegExp(`^${which}$`) })
const count = async (page) => Number((await page.locator('.log-state').innerText()).replace(/[^\d]/g, ''))

/** Number of the first row that is whole in the view. */
const topmost = (page) =>
  page.evaluate(() => {
    const { top } = document.querySelector('.log-scroller').getBoundingClientRect()
    return Number([...document.querySelectorAll('.log-row')].find((row) => row.getBoundingClientRect().top >= top - 1).querySelector('.log-number').textContent)
  })

await scenario('Pages of large amounts', async ({ browser, page, project, after }) => {
  after(() => rmSync(sources, { recursive: true, force: true }))
  const repository = await project.of('repositories', { name: 'Scripts', git_url: sources, git_branch: '', ssh_key_id: project.key.id })
  const template = await project.template({ name: 'Many lines', playbook: 'many.sh', repository_id: repository.id })
  const task = await watched(page, project, template)
  const path = `/project/${project.id}/tasks/${task.id}`
  await page.goto('about:blank')
  await log(browser, path)
  if (firefoxPath()) await inFirefox(path)
  else if (process.env.CI === 'true') await test('the log in Firefox', () => Promise.reject(new Error('firefox-esr is not installed (make deps)')))
  else console.log('skip  the log in Firefox: firefox-esr is not installed')
  await templates(browser, project)
})

/** The log while it grows: what comes is shown at the end, and a reader further up is left in peace. */
async function watched(page, project, template) {
  let task = null
  await test('a task prints a million lines, and the page follows', async () => {
    task = await call(page, 'POST', `project/${project.id}/tasks`, { template_id: template.id })
    await page.goto(`${base}/project/${project.id}/tasks/${task.id}`)
    await page.locator('.log-row').first().waitFor()
    await eventually(async () => ['success', 'error'].includes((await call(page, 'GET', `project/${project.id}/tasks/${task.id}`)).status), 'the task ends')
    await page.locator('.log-state.ended').waitFor({ timeout: 120_000 })
    await line(page, LINES).waitFor()
    const all = await count(page)
    assert(all > LINES && all < LINES + 100, `${all} lines`)
  })
  return task
}

async function log(browser, path) {
  const page = await visit(browser)
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable')
  await test('the page of a million lines opens at its end', async () => {
    const began = Date.now()
    await page.goto(`${base}${path}`)
    await line(page, LINES).waitFor()
    console.log(`      (the last line is there after ${Date.now() - began} ms)`)
    await picture(page, 'log-large')
  })
  const scroller = page.locator('.log-scroller')
  await test('the first and the last line are reached by key', async () => {
    await scroller.focus()
    await page.keyboard.press('Home')
    await number(page, 1).waitFor()
    await page.locator('.log-row').filter({ has: number(page, 1) }).locator('.log-text').filter({ hasText: /./ }).waitFor()
    await page.keyboard.press('End')
    await line(page, LINES).waitFor()
  })
  await test('the scroll bar leads to the middle, to the beginning and to the end', async () => {
    // The bar itself is the system's and cannot be clicked without a window: what it does is this.
    for (const [part, shown] of [[0.5, /^line (49|50)\d{4} of many$/], [0.25, /^line (24|25)\d{4} of many$/]]) {
      await scroller.evaluate((element, at) => (element.scrollTop = (element.scrollHeight - element.clientHeight) * at), part)
      await page.locator('.log-text').filter({ hasText: shown }).first().waitFor()
    }
    await scroller.evaluate((element) => (element.scrollTop = 0))
    await number(page, 1).waitFor()
    await scroller.evaluate((element) => (element.scrollTop = element.scrollHeight))
    await line(page, LINES).waitFor()
    const edges = await scroller.evaluate((element) => [element.getBoundingClientRect().bottom, [...element.querySelectorAll('.log-row')].at(-1).getBoundingClientRect().bottom])
    assert(Math.abs(edges[0] - edges[1]) < 20, `the last row ends at ${edges[1]}, the view at ${edges[0]}`)
  })
  await test('the wheel moves the log pixel by pixel, wherever it is', async () => {
    await scroller.hover()
    for (const part of [0.3, 0.999]) {
      await scroller.evaluate((element, at) => (element.scrollTop = (element.scrollHeight - element.clientHeight) * at), part)
      await page.locator('.log-text').filter({ hasText: /of many/ }).first().waitFor()
      await still(page)
      const before = await topmost(page)
      for (let step = 0; step < 20; step += 1) {
        await page.mouse.wheel(0, 100)
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
      }
      await still(page)
      const after = await topmost(page)
      assert(Math.abs(after - before - 100) <= 1, `2000 pixels led from ${before} to ${after}`)
      await page.locator('.log-row').filter({ has: number(page, after + 5) }).locator('.log-text').filter({ hasText: /of many/ }).waitFor()
    }
  })
  await test('a place in the middle is found by the search, and by a link', async () => {
    await page.getByLabel('Search in the log').fill('line 512345 of')
    await page.locator('.log-text mark.current').filter({ hasText: 'line 512345 of' }).waitFor()
    await page.locator('.log-search .count').filter({ hasText: /^1 of 1$/ }).waitFor()
    await picture(page, 'log-large-found')
    await page.getByLabel('Search in the log').fill('')
    await page.goto(`${base}/projects`)
    await page.goto(`${base}${path}#L700000`)
    await page.locator('.log-row.target .log-text').filter({ hasText: /of many/ }).waitFor()
  })
  await test('a long way by wheel blocks nothing', async () => {
    await page.goto(`${base}${path}`)
    await line(page, LINES).waitFor()
    await still(page)
    const longest = await longestTask(browser, page, 'while the log is scrolled', async () => {
      await scroller.hover()
      for (const [steps, by] of [[60, -400], [40, -3000], [60, 400]]) for (let step = 0; step < steps; step += 1) await page.mouse.wheel(0, by)
      for (let place = 0; place <= 20; place += 1) {
        await scroller.evaluate((element, at) => (element.scrollTop = (element.scrollHeight - element.clientHeight) * at), place / 20)
        await page.waitForTimeout(100)
      }
      await line(page, LINES).waitFor()
    })
    assertShort(longest)
  })
  await test('lines that are wrapped are reached as well', async () => {
    await page.getByRole('button', { name: 'Wrap long lines' }).click()
    await scroller.focus()
    await page.keyboard.press('Home')
    await number(page, 1).waitFor()
    await scroller.evaluate((element) => (element.scrollTop = (element.scrollHeight - element.clientHeight) / 2))
    await page.locator('.log-text').filter({ hasText: /^line (49|50)\d{4} of many$/ }).first().waitFor()
    await page.keyboard.press('End')
    await line(page, LINES).waitFor()
    await page.getByRole('button', { name: 'Wrap long lines' }).click()
  })
  await test('the page holds a window of it', async () => {
    const { metrics } = await cdp.send('Performance.getMetrics')
    const heap = metrics.find((metric) => metric.name === 'JSHeapUsedSize').value / 1e6
    const resident = await residentOf(browser, cdp)
    const sizes = resident ? `${resident.own.toFixed(0)} MB, with the program itself, which all pages share, ${resident.all.toFixed(0)} MB` : '?'
    console.log(`      (heap of scripts ${heap.toFixed(0)} MB, resident memory of the renderer ${sizes})`)
    assert(heap < MOST_MEMORY_MB, `${heap} MB of scripts' heap`)
    assert(resident === null || resident.own < MOST_MEMORY_MB, `${resident?.own} MB are resident`)
  })
  await page.context().close()
}

async function inFirefox(path) {
  const browser = await firefox()
  try {
    await test('Firefox reaches the last line of a million, the first one and the middle', async () => {
      await browser.signIn(base, login, password)
      await browser.goto(`${base}${path}`)
      const shows = (pattern) => browser.until(`[...document.querySelectorAll('.log-row .log-text')].some((row) => ${pattern}.test(row.textContent))`, `${pattern}`)
      // The rows are on the screen, and not only in the document: Firefox draws nothing in elements that are too tall.
      const seen = (pattern) =>
        browser.until(
          `(() => {
            const view = document.querySelector('.log-scroller').getBoundingClientRect()
            return [...document.querySelectorAll('.log-row')].some((row) => {
              const at = row.getBoundingClientRect()
              return ${pattern}.test(row.querySelector('.log-text').textContent) && at.top >= view.top - 20 && at.bottom <= view.bottom + 20 && document.elementFromPoint(view.left + 200, at.top + 10)?.closest('.log-row') === row
            })
          })()`,
          `${pattern} is on the screen`,
        )
      await shows(`/^line ${LINES} of many$/`)
      await seen(`/^line ${LINES} of many$/`)
      await browser.keys('.log-scroller', 'Home')
      await browser.until(`document.querySelector('.log-number')?.textContent === '1'`, 'the first line')
      await browser.run(`const element = document.querySelector('.log-scroller'); element.scrollTop = (element.scrollHeight - element.clientHeight) / 2`)
      await seen('/^line (49|50)\\d{4} of many$/')
      await browser.run(`const element = document.querySelector('.log-scroller'); element.scrollTop = element.scrollHeight`)
      await seen(`/^line ${LINES} of many$/`)
      await browser.keys('.log-scroller', 'Home')
      await browser.keys('.log-scroller', 'End')
      await seen(`/^line ${LINES} of many$/`)
      await browser.picture('log-large-firefox')
    })
  } catch (error) {
    await test('Firefox goes on to its end', () => Promise.reject(error))
  } finally {
    await browser.close()
  }
}

async function templates(browser, project) {
  for (let from = 0; from < TEMPLATES; from += 20) {
    await Promise.all(Array.from({ length: 20 }, (_template, index) => project.template({ name: `Template ${String(from + index).padStart(4, '0')}` })))
  }
  const page = await visit(browser)
  await page.goto(`${base}/projects`)
  await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
  await test('a page is painted within a second', async () => {
    await page.goto(`${base}/project/${project.id}/templates`)
    await page.getByRole('link', { name: 'Template 0000', exact: true }).waitFor()
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0)
    console.log(`      (first contentful paint after ${paint.toFixed(0)} ms)`)
    assert(paint > 0 && paint <= 1000 * slack, `${paint} ms`)
  })
  await test('a thousand templates can be used at once', async () => {
    // What the page does with the list when it has come is one task: nothing can be done before it ends.
    const longest = await longestTask(browser, page, 'when the list has come', async () => {
      await page.reload()
      await page.getByRole('link', { name: 'Template 0000', exact: true }).waitFor()
      await still(page)
    })
    assertShort(longest, INTERACTIVE_MS)
  })
  await test('searching, sorting and choosing answer at once', async () => {
    const field = page.getByRole('searchbox', { name: 'Search' })
    const steps = [
      ['a letter', () => field.pressSequentially('9')],
      ['another letter', () => field.pressSequentially('9')],
      ['the search is emptied', () => field.fill('')],
      ['sorting', () => page.getByRole('columnheader', { name: /^Template/ }).getByRole('button').click()],
      ['all are chosen', () => page.getByRole('checkbox', { name: 'Choose all' }).click()],
    ]
    for (const [name, act] of steps) {
      await still(page)
      const longest = await longestTask(browser, page, name, async () => {
        await act()
        await still(page)
      })
      assertShort(longest, INTERACTIVE_MS)
    }
  })
  await page.context().close()
}

/** The page stands still: nothing moves, nothing is being read. */
async function still(page) {
  await page.waitForLoadState('networkidle')
  await page.waitForTimeout(400)
}

/** Resident memory of the process that draws the page, in MB: its own, and with the pages of files that it shares; null where the browser does not tell. */
async function residentOf(browser, cdp) {
  const whole = await browser.newBrowserCDPSession()
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo').catch(() => ({ processInfo: [] }))
  const before = new Map(processInfo.filter((each) => each.type === 'renderer').map((each) => [each.id, each.cpuTime]))
  // Of several renderers it is the one that works when the page does.
  await cdp.send('Runtime.evaluate', { expression: '{ const end = performance.now() + 400; while (performance.now() < end); }' })
  const { processInfo: now } = await whole.send('SystemInfo.getProcessInfo').catch(() => ({ processInfo: [] }))
  const [own] = now.filter((each) => before.has(each.id)).sort((one, other) => other.cpuTime - before.get(other.id) - (one.cpuTime - before.get(one.id)))
  if (!own) return null
  const status = readFileSync(`/proc/${own.id}/status`, 'utf8')
  const of = (name) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6
  return { own: of('RssAnon'), all: of('VmRSS') }
}
