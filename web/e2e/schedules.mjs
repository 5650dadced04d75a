// The browser test of schedules: made, changed in every field, switched, previewed, deleted.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { assert, picture, test } from './browser.mjs'
import { base, call, choose, eventually, fits, pictures, same, scenario } from './visit.mjs'

await scenario('Pages of schedules', async ({ browser, page, project }) => {
  const survey_vars = [{ name: 'version', title: 'Version', required: true }, { name: 'token', title: 'Token', type: 'secret', required: true }]
  const template = await project.template({ name: 'Nightly', survey_vars, allow_override_args_in_task: true })
  const other = await project.template({ name: 'Other', app: 'ansible', playbook: 'site.yml', inventory_id: project.inventory.id, task_params: { allow_override_limit: true } })
  const of = `project/${project.id}/schedules`
  // The list comes without what the tasks use.
  const list = async () => Promise.all((await call(page, 'GET', of)).map((each) => call(page, 'GET', `${of}/${each.id}`)))
  const dialog = page.getByRole('dialog')
  const fill = async (fields) => {
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label, { exact: true }).fill(value)
  }

  await test('a new schedule shows its next runs, also in another zone', async () => {
    await page.goto(`${base}/project/${project.id}/schedule`)
    await page.getByRole('heading', { name: 'No schedules yet' }).waitFor()
    await pictures(page, 'schedules-empty')
    await page.getByRole('button', { name: 'New schedule' }).click()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Enter a name.').waitFor()
    await fill({ Name: 'Every night' })
    await choose(dialog, 'Template', 'Nightly')
    await fill({ 'Cron expression': '30 4 * * *' })
    await dialog.getByText('Next runs').waitFor()
    await fill({ 'Time zone': 'Asia/Tok' })
    await page.getByRole('option', { name: 'Asia/Tokyo' }).click()
    await dialog.locator('.next li').first().filter({ hasText: /:30:00/ }).waitFor()
    const shown = await dialog.locator('.next li').count()
    assert(shown >= 3 && shown <= 5, `${shown} next runs`)
  })
  await test('what its tasks use is asked, secrets are not', async () => {
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Version is required.').waitFor()
    assert((await dialog.getByLabel('Token').count()) === 0, 'a secret is asked for')
    await fill({ 'Version *': '2.0', Message: 'By night', 'Further arguments': '--fast' })
    await choose(dialog, 'If the server did not run then', 'Run once as soon as it is back')
    await choose(dialog, 'If the last one still runs', 'Leave the new one out')
    await dialog.getByLabel('Name', { exact: true }).scrollIntoViewIfNeeded()
    await pictures(page, 'schedule-form')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('“Every night” is saved.').waitFor()
    await page.getByRole('row', { name: /Every night/ }).waitFor()
    const [stored] = await list()
    same(stored, { name: 'Every night', template_id: template.id, cron_format: 'CRON_TZ=Asia/Tokyo 30 4 * * *', active: true, type: '' }, 'the schedule')
    same(stored.task_params, { environment: '{"version":"2.0"}', message: 'By night', arguments: '["--fast"]' }, 'what its tasks use')
    same(await call(page, 'GET', `project/${project.id}/schedules/${stored.id}/policy`), { misfire: 'run_once', overlap: 'skip' }, 'the policy')
  })
  await test('a wrong expression is refused in words, before it is saved', async () => {
    await page.getByRole('button', { name: 'Change Every night' }).click()
    await dialog.getByText('Next runs').waitFor()
    assert((await dialog.getByLabel('Version *').inputValue()) === '2.0', 'the answer is forgotten')
    await fill({ 'Cron expression': '61 * * * *' })
    await dialog.getByText(/^Cron: /).waitFor()
    await picture(page, 'schedule-wrong')
  })
  await test('every field is changed: once, at a time, for another template', async () => {
    await fill({ Name: 'Once' })
    await choose(dialog, 'Template', 'Other')
    await dialog.getByRole('radio', { name: 'Once' }).check()
    await fill({ When: '2001-01-01T10:00' })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('This is over: enter a time in the future.').waitFor()
    await fill({ When: '2090-06-01T10:00', 'Limit to hosts': 'web' })
    await dialog.getByRole('checkbox', { name: 'Delete the schedule after its run' }).check()
    await dialog.getByRole('checkbox', { name: 'Active' }).uncheck()
    await choose(dialog, 'If the server did not run then', 'Leave it out')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('“Once” is saved.').waitFor()
    const [stored] = await list()
    same(stored, { name: 'Once', template_id: other.id, type: 'run_at', cron_format: '', delete_after_run: true, active: false }, 'the schedule')
    assert(Date.parse(stored.run_at) === Date.parse('2090-06-01T08:00:00Z'), `run_at is ${stored.run_at}`)
    same(stored.task_params.params, { limit: ['web'] }, 'the parameters')
    same(await call(page, 'GET', `project/${project.id}/schedules/${stored.id}/policy`), { misfire: 'skip', overlap: 'skip' }, 'the policy')
  })
  await test('a message does not end with the one before it', async () => {
    const save = async () => {
      await page.getByRole('button', { name: 'Change Once' }).click()
      await dialog.getByRole('button', { name: 'Save' }).click()
      await dialog.waitFor({ state: 'hidden' })
    }
    await save()
    await page.waitForTimeout(1000)
    await save()
    // The first one is over by now, the second is not.
    await page.waitForTimeout(2500)
    assert(await page.getByText('“Once” is saved.').isVisible(), 'the message is gone')
  })
  await test('the switch in the list is stored, and goes back when the server refuses', async () => {
    const active = page.getByRole('checkbox', { name: 'Once is active' })
    await active.check()
    await eventually(async () => (await list())[0].active, 'the schedule is active')
    await page.route('**/schedules/*/active', (route) => route.fulfill({ status: 409, body: '{"error":"not now"}' }))
    await active.click()
    await page.getByText('“Once” is as it was. Not now.').waitFor()
    assert(await active.isChecked(), 'the switch did not go back')
    await page.unroute('**/schedules/*/active')
    await pictures(page, 'schedules')
  })
  await test('a schedule is deleted', async () => {
    await page.getByRole('button', { name: 'Delete Once' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No schedules yet' }).waitFor()
    assert((await list()).length === 0, 'it is still there')
  })
  await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: other.id, name: 'Hourly', cron_format: '@hourly', active: true })
  await fits(browser, [['schedules', `/project/${project.id}/schedule`, 'Schedules']])
})
