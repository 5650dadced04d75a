// The part of the browser test about languages: the page in German from the sign-in on, kept over a reload; a browser that asks for German by itself.
// run.mjs calls it after a task has succeeded.
import { assert, consoleErrors, picture, test, watchConsole } from './browser.mjs'

/** `project` and `task` are numbers of what run.mjs has made. */
export async function languages(browser, { base, login, password, project, task, timeout }) {
  const before = consoleErrors.length
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en-US' })
  const page = await context.newPage()
  page.setDefaultTimeout(timeout)
  watchConsole(page)
  const navigation = page.getByRole('navigation', { name: 'Projekt' })

  await test('the sign-in page speaks German when it is chosen', async () => {
    await page.goto(`${base}/auth/login`)
    await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
    await page.getByRole('button', { name: 'Language: English' }).click()
    await page.getByRole('listbox', { name: 'Language' }).or(page.getByRole('list', { name: 'Language' })).getByText('Deutsch', { exact: true }).click()
    await page.getByRole('heading', { name: 'Bei Semaphore anmelden' }).waitFor()
    await speaks(page, 'de')
    await page.getByLabel('Benutzername oder E-Mail').fill(login)
    await page.getByLabel('Passwort', { exact: true }).fill(`${password}-wrong`)
    await page.getByRole('button', { name: 'Anmelden' }).click()
    await page.getByRole('alert').filter({ hasText: 'Benutzername oder Passwort stimmt nicht.' }).waitFor()
    await picture(page, 'login-german')
  })

  await test('navigation, statuses and times are German then', async () => {
    await page.getByLabel('Passwort', { exact: true }).fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Projekte', exact: true }).waitFor()
    await page.goto(`${base}/project/${project}/templates`)
    await navigation.getByRole('link', { name: 'Verlauf' }).click()
    await page.getByRole('heading', { name: 'Verlauf', exact: true }).waitFor()
    const row = page.locator(`tr[data-task="${task}"]`)
    await row.getByText('Erfolgreich', { exact: true }).waitFor()
    await row.locator('time', { hasText: /^(vor |gerade eben)/ }).waitFor()
    await page.waitForFunction(() => document.title.startsWith('Verlauf'))
    await picture(page, 'history-german')
  })

  await test('a reload keeps the language', async () => {
    await page.goto(`${base}/project/${project}/tasks/${task}`)
    await page.locator('main [data-status]').first().getByText('Erfolgreich', { exact: true }).waitFor()
    await page.reload()
    await navigation.getByRole('link', { name: 'Vorlagen' }).waitFor()
    await page.locator('main [data-status]').first().getByText('Erfolgreich', { exact: true }).waitFor()
    await speaks(page, 'de')
    await picture(page, 'task-german')
  })

  await test('the account page changes it back, and the focus stays there', async () => {
    await page.goto(`${base}/account`)
    await page.getByRole('heading', { name: 'Ihr Konto' }).waitFor()
    await page.getByRole('button', { name: 'Sprache: Deutsch' }).click()
    await page.getByText('English', { exact: true }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    await speaks(page, 'en')
    await page.waitForFunction(() => document.activeElement?.classList.contains('language-button') === true)
  })
  await context.close()

  await test('a browser that asks for French gets it, and one that asks for an unknown language gets English', async () => {
    for (const [locale, code, words] of [['fr-CA', 'fr', 'Se connecter à Semaphore'], ['fi-FI', 'en', 'Sign in to Semaphore']]) {
      const own = await browser.newContext({ locale })
      const first = await own.newPage()
      watchConsole(first)
      await first.goto(`${base}/auth/login`)
      await first.getByRole('heading', { name: words }).waitFor({ timeout })
      await speaks(first, code)
      await own.close()
    }
  })

  await test('no error in the console in another language', async () => {
    assert(consoleErrors.length === before, consoleErrors.slice(before, before + 5).join(' | '))
  })
}

async function speaks(page, code) {
  const found = await page.evaluate(() => document.documentElement.lang)
  assert(found === code, `the page says that its language is ${found}, not ${code}`)
}
