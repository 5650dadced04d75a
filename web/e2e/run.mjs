// The browser test: a person signs in, runs a template, watches the log, looks at the history.
//
//   BASE_URL=http://127.0.0.1:3000 LOGIN=admin PASSWORD=... TEMPLATE='Disks' node e2e/run.mjs
//
// PASSWORD_FILE may stand for PASSWORD. Optional: TEMPLATE (name; the first of the list otherwise), PROJECT (name; the first project otherwise), CHROMIUM (path), SCREENSHOTS (directory for pictures),
// TASK_TIMEOUT (seconds until the task must have ended, 120 by default),
// INFRASTRUCTURE (directory with a configuration for OpenTofu; without it the question about a plan is left out).
// The last line is `N passed, N failed`; the exit status is 0 only if nothing failed.
import { readFileSync } from 'node:fs'
import { assert, consoleErrors, finish, launch, picture, test, watchConsole } from './browser.mjs'
import { languages } from './language.mjs'

const base = required('BASE_URL').replace(/\/+$/, '')
const login = required('LOGIN')
const password = process.env.PASSWORD || readFileSync(required('PASSWORD_FILE'), 'utf8').trim()
let template = process.env.TEMPLATE ?? ''
const projectName = process.env.PROJECT ?? ''
const infrastructure = process.env.INFRASTRUCTURE ?? ''
const taskTimeout = Number(process.env.TASK_TIMEOUT ?? 120) * 1000
const STEP_TIMEOUT = 15_000

const browser = await launch()
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' })
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_TIMEOUT)
  watchConsole(page)
  const done = await scenario(page)
  // Both would share one session, and the first page still hears of the end of its own.
  await page.close()
  await narrow(context)
  await languages(browser, { base, login, password, ...done, timeout: STEP_TIMEOUT })
} catch (error) {
  await test('the scenario goes on to its end', () => Promise.reject(error))
} finally {
  await browser.close()
}
finish()

async function scenario(page) {
  await test('a page that needs a session leads to the login', async () => {
    await page.goto(`${base}/projects`)
    await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
    await picture(page, 'login')
  })

  await test('a wrong password is refused in words', async () => {
    await page.getByLabel('User name or e-mail').fill(login)
    await page.getByLabel('Password', { exact: true }).fill(`${password}-wrong`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: 'The user name or password is not right.' }).waitFor()
    await picture(page, 'login-wrong-password')
  })

  await test('the right password leads to the projects', async () => {
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
    await picture(page, 'projects')
  })

  await test('a project opens with its templates', async () => {
    const cards = page.locator('main ul a')
    await (projectName ? cards.filter({ hasText: projectName }) : cards).first().click()
    await page.getByRole('heading', { name: 'Templates', exact: true }).waitFor()
    if (template === '') template = (await page.locator('main td a.title').first().innerText()).trim()
    await page.getByRole('link', { name: template, exact: true }).waitFor()
    await picture(page, 'templates')
  })

  const project = new URL(page.url()).pathname.match(/project\/(\d+)/)?.[1] ?? ''
  let task = ''
  await test('Run creates a task and opens its page', async () => {
    await page.getByRole('button', { name: `Run ${template}`, exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Message').fill('browser test')
    await picture(page, 'run-dialog')
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
    task = new URL(page.url()).pathname.split('/').pop()
    assert(/^\d+$/.test(task), `no task in ${page.url()}`)
  })

  const status = page.locator('main [data-status]').first()
  await test('the log comes alive', async () => {
    await page.locator('.log-row').first().waitFor({ timeout: taskTimeout })
    const text = await page.locator('.log-row .log-text').first().innerText()
    assert(text.trim() !== '', 'the first log line is empty')
    const now = await status.getAttribute('data-status')
    console.log(`      (first line seen while the task was: ${now})`)
    await picture(page, 'task-live')
  })

  await test('the task succeeds', async () => {
    await page.locator('main [data-status="success"], main [data-status="error"], main [data-status="stopped"]').first().waitFor({ timeout: taskTimeout })
    const now = await status.getAttribute('data-status')
    assert(now === 'success', `the task ended as ${now}`)
  })

  await test('the page shows exactly the stored log', async () => {
    await page.locator('.log-state.ended').waitFor()
    const stored = await page.evaluate(async () => {
      const match = location.pathname.match(/project\/(\d+)\/tasks\/(\d+)$/)
      const response = await fetch(new URL(`api/project/${match[1]}/tasks/${match[2]}/output`, document.baseURI).pathname)
      return response.json()
    })
    const lines = stored.length
    const shown = Number((await page.locator('.log-state').innerText()).replace(/[^\d]/g, ''))
    assert(shown === lines, `${shown} lines on the page, ${lines} in the store`)
    const last = await page.locator('.log-number').last().innerText()
    assert(Number(last) === lines, `the last number on the page is ${last}, not ${lines}`)
    // Colours are no text; the server's own words may end with the end of a line.
    const text = stored.at(-1).output.replace(/\u001b\[[0-9;]*m/g, '').trimEnd()
    const lastText = (await page.locator('.log-text').last().innerText()).trimEnd()
    assert(lastText === text, `the last line is ${lastText}, not ${text}`)
    await picture(page, 'task-ended')
  })

  await test('the log can be downloaded', async () => {
    const begun = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download the raw log' }).click()
    const file = await begun
    assert(file.suggestedFilename() === `task-${task}.log`, file.suggestedFilename())
    const text = readFileSync(await file.path(), 'utf8')
    const shown = (await page.locator('.log-text').filter({ hasText: /\w/ }).last().innerText()).trim()
    assert(text.includes(shown), `${shown} is not in the file, which ends with ${text.slice(-80)}`)
  })

  await test('the log can be searched and its lines have links', async () => {
    await page.getByLabel('Search in the log').fill('e')
    await page.locator('.log-text mark.current').first().waitFor()
    await page.getByLabel('Search in the log').fill('')
    const path = new URL(page.url()).pathname
    await page.goto(`${base}${path.slice(new URL(`${base}/`).pathname.length - 1)}#L2`)
    await page.locator('.log-row.target .log-number', { hasText: /^2$/ }).waitFor()
  })

  await test('the history shows the task', async () => {
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'History' }).click()
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor()
    const row = page.locator(`tr[data-task="${task}"]`)
    await row.getByRole('link', { name: `${template} #${task}` }).waitFor()
    assert((await row.locator('[data-status]').getAttribute('data-status')) === 'success', 'the history knows another status')
    await picture(page, 'history')
  })

  await test('dark mode can be switched on and is remembered', async () => {
    assert(!(await isDark(page)), 'the page is dark although the system is light')
    await page.getByRole('button', { name: 'Use the dark theme' }).click()
    await page.waitForFunction(() => document.querySelector('.v-theme--dark') !== null)
    await page.reload()
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor()
    assert(await isDark(page), 'the choice is forgotten after a reload')
    await picture(page, 'history-dark')
    await page.locator(`tr[data-task="${task}"] a`).first().click()
    await page.locator('.log-row').first().waitFor()
    await picture(page, 'task-dark')
  })

  if (infrastructure === '') console.log('skip  a person decides about a plan: INFRASTRUCTURE is not set')
  else await decisions(page, project)

  await test('an unknown address and an unknown task say so', async () => {
    await page.goto(`${base}/nothing/here`)
    await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    await page.goto(`${base}/project/${project}/tasks/99999999`)
    await page.getByRole('alert').filter({ hasText: 'The task' }).waitFor()
    await picture(page, 'task-missing')
  })

  await test('a task that fails says why', async () => {
    const failed = await page.evaluate(async (project) => {
      const call = async (method, path, body) => {
        const answer = await fetch(new URL(`api/project/${project}/${path}`, document.baseURI).pathname, { method, body: body && JSON.stringify(body) })
        return answer.status === 204 ? null : answer.json()
      }
      const [[repository], [inventory], [environment]] = await Promise.all(['repositories', 'inventory', 'environment'].map((list) => call('GET', list)))
      const of = { project_id: Number(project), repository_id: repository.id, inventory_id: inventory.id, environment_id: environment?.id }
      const template = await call('POST', 'templates', { ...of, name: 'Browser test', app: 'bash', playbook: 'browser-test-absent.sh', type: '', arguments: '[]' })
      const task = await call('POST', 'tasks', { template_id: template.id })
      return { template: template.id, task: task.id }
    }, project)
    await page.goto(`${base}/project/${project}/tasks/${failed.task}`)
    const reasons = page.getByRole('list', { name: 'Why the task failed' })
    await reasons.getByText('The script browser-test-absent.sh does not exist').waitFor({ timeout: taskTimeout })
    await picture(page, 'task-failed')
    await page.evaluate(async ([project, template]) => fetch(new URL(`api/project/${project}/templates/${template}`, document.baseURI).pathname, { method: 'DELETE' }), [project, failed.template])
  })

  await test('the settings keep the host keys and name a wrong line', async () => {
    await page.goto(`${base}/project/${project}/history`)
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('heading', { name: 'Host keys' }).waitFor()
    await page.getByLabel('Strict').check()
    const lines = page.getByLabel('Known hosts', { exact: true })
    const line = 'git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
    await lines.fill(`${line}\nnonsense`)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('line 2 of the known hosts is not valid', { exact: false }).waitFor()
    await picture(page, 'settings-refused')
    await lines.fill(line)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('The host keys are saved.').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Host keys' }).waitFor()
    assert(await page.getByLabel('Strict').isChecked(), 'the mode is forgotten')
    assert((await lines.inputValue()) === line, 'the lines are forgotten')
    await picture(page, 'settings')
    await page.getByLabel('Off', { exact: false }).first().check()
    await lines.fill('')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('The host keys are saved.').waitFor()
  })

  await test('signing out ends the session', async () => {
    await page.goto(`${base}/projects`)
    await page.getByRole('button', { name: /^Account of/ }).click()
    await page.getByText('Sign out').click()
    await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
    await page.goto(`${base}/project/${project}/history`)
    await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
  })

  await test('the login returns to the page that was asked for', async () => {
    await page.goto(`${base}/project/${project}/history`)
    await page.getByLabel('User name or e-mail').fill(login)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    // Not the address of the log-in page, which ends with the same words.
    await page.waitForURL((url) => url.pathname.endsWith(`/project/${project}/history`) && !url.search)
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor()
  })

  await test('a session that ends meanwhile leads to the login with a notice', async () => {
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor()
    await page.locator('tr[data-task]').first().waitFor()
    await page.context().clearCookies()
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Templates' }).click()
    await page.getByText('Your session has ended.').waitFor()
  })

  await test('no error in the console', async () => {
    assert(consoleErrors.length === 0, consoleErrors.slice(0, 5).join(' | '))
  })
  return { project, task }
}

/** A plan of OpenTofu is shown and waits; first it is rejected, then confirmed. */
async function decisions(page, project) {
  const name = 'Infrastructure'
  await test('a template of OpenTofu is made', async () => {
    const status = await page.evaluate(
      async ({ project, name, url }) => {
        const call = async (method, path, body) => {
          const response = await fetch(new URL(`api/project/${project}/${path}`, document.baseURI).pathname, { method, body: body && JSON.stringify(body) })
          if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
          return response.json()
        }
        const own = { project_id: Number(project), name }
        const [key] = await call('GET', 'keys')
        const repository = await call('POST', 'repositories', { ...own, git_url: url, git_branch: '', ssh_key_id: key.id })
        const [environment] = await call('GET', 'environment')
        await call('POST', 'templates', { ...own, app: 'tofu', playbook: '', type: '', repository_id: repository.id, environment_id: environment.id, arguments: '["-no-color"]' })
        return 'made'
      },
      { project, name, url: infrastructure },
    )
    assert(status === 'made', status)
  })

  const waits = async () => {
    await page.goto(`${base}/project/${project}/templates`)
    await page.getByRole('button', { name: `Run ${name}`, exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
    await page.locator('main [data-status="waiting_confirmation"]').first().waitFor({ timeout: taskTimeout })
    await page.locator('.log-text', { hasText: 'Plan: 1 to add, 0 to change, 0 to destroy.' }).first().waitFor()
    await page.getByText('This task waits for a decision.').waitFor()
    await page.locator('.question .plan', { hasText: /^1 to add$/ }).waitFor()
  }
  const button = (label) => page.getByRole('button', { name: label, exact: true })
  const ends = async (status, line) => {
    await page.locator(`main [data-status="${status}"]`).first().waitFor({ timeout: taskTimeout })
    await page.locator('.log-text', { hasText: line }).first().waitFor()
    await button('Confirm').waitFor({ state: 'hidden' })
  }

  await test('a plan is shown, and nothing happens when it is rejected', async () => {
    await waits()
    await button('Confirm').waitFor()
    await picture(page, 'task-waits-for-confirmation')
    await button('Reject').click()
    await ends('error', 'the plan was rejected')
    await picture(page, 'task-rejected')
  })

  await test('a plan that is confirmed is applied', async () => {
    await waits()
    await button('Confirm').click()
    await ends('success', 'Apply complete! Resources: 1 added, 0 changed, 0 destroyed.')
    await picture(page, 'task-applied')
  })
}

/** The same pages on a telephone: nothing may be wider than the screen. */
async function narrow(context) {
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_TIMEOUT)
  watchConsole(page)
  await page.setViewportSize({ width: 360, height: 740 })
  await test('the pages fit on 360 pixels', async () => {
    await page.goto(`${base}/auth/login`)
    await page.getByLabel('User name or e-mail').fill(login)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await fits(page, 'login-narrow')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
    await page.locator('main ul a').first().waitFor()
    await fits(page, 'projects-narrow')
    const project = await firstProject(page)
    await page.goto(`${base}/project/${project}/templates`)
    await page.getByRole('button', { name: `Run ${template}`, exact: true }).waitFor()
    await fits(page, 'templates-narrow')
    await page.getByRole('button', { name: 'Open the navigation' }).click()
    await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'History' }).click()
    await page.locator('tr[data-task] a').first().waitFor()
    await fits(page, 'history-narrow')
    await page.locator('tr[data-task] a').first().click()
    await page.locator('.log-row').first().waitFor()
    await fits(page, 'task-narrow')
  })
}

async function fits(page, name) {
  await picture(page, name)
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  assert(width <= 360, `${name} is ${width} pixels wide`)
}

async function firstProject(page) {
  return page.evaluate(async (wanted) => {
    const response = await fetch(new URL('api/projects', document.baseURI).pathname)
    const list = await response.json()
    return (list.find((project) => wanted !== '' && project.name === wanted) ?? list[0]).id
  }, projectName)
}

function isDark(page) {
  return page.evaluate(() => document.querySelector('.v-application')?.classList.contains('v-theme--dark') ?? false)
}

function required(name) {
  const value = process.env[name]
  if (!value) {
    console.error(`${name} is not set. See the head of this file.`)
    process.exit(2)
  }
  return value
}
