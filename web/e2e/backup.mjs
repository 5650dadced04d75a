// The browser test of backups: a project as a file, a new project of it, and what is said about files that are none.
//
// Environment as for run.mjs: BASE_URL, LOGIN, PASSWORD or PASSWORD_FILE, CHROMIUM, SCREENSHOTS.
import { readFileSync } from 'node:fs'
import { assert, test } from './browser.mjs'
import { base, call, fits, pictures, same, scenario, visit } from './visit.mjs'

const SECRET = 'a-long-password-of-a-test'
let browser = null
await scenario('Kept in a file', async (stage) => {
  ;({ browser } = stage)
  const { page, project } = stage
  const template = await project.template({ name: 'Nightly build', description: 'What is kept' })
  await call(page, 'POST', `project/${project.id}/schedules`, { project_id: project.id, template_id: template.id, name: 'Every night', cron_format: '0 3 * * *', active: true })
  const document = await download(page, project)
  await restore(page, project, document)
  await roles(page, project)
  await fits(browser, [['projects', '/projects', 'Projects']])
})

/** The text of the downloaded file. */
async function download(page, project) {
  let text = ''
  await test('a project is downloaded as a file', async () => {
    await page.goto(`${base}/project/${project.id}/settings`)
    await page.getByRole('heading', { name: 'Backup', exact: true }).waitFor()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download a backup' }).click()])
    assert(/^backup-Kept-in-a-file-\d{4}-\d{2}-\d{2}\.json$/.test(file.suggestedFilename()), `it is named ${file.suggestedFilename()}`)
    text = readFileSync(await file.path(), 'utf8')
    await page.getByText('The backup is downloaded.').waitFor()
    const backup = JSON.parse(text)
    same(backup.meta, { name: 'Kept in a file' }, 'the file')
    same(backup.templates.map((each) => each.name), ['Nightly build'], 'its templates')
    assert(!text.includes('"secret"') || !/"password": "secret"/.test(text), 'the password of a key is in the file')
    await page.getByRole('heading', { name: 'Backup', exact: true }).scrollIntoViewIfNeeded()
    await pictures(page, 'project-backup')
  })
  return text
}

async function restore(page, project, text) {
  const file = (name, content) => ({ name, mimeType: 'application/json', buffer: Buffer.from(content) })
  const dialog = page.getByRole('dialog')
  const save = () => dialog.getByRole('button', { name: 'Restore', exact: true }).click()
  await test('a file that is no backup is refused in words', async () => {
    // The address of the Go server's page.
    await page.goto(`${base}/project/restore`)
    await dialog.getByRole('heading', { name: 'Restore a backup' }).waitFor()
    await save()
    await dialog.getByText('Choose the file of a backup.').waitFor()
    await dialog.getByLabel('File').setInputFiles(file('notes.json', 'no JSON'))
    await dialog.getByText('This file is not JSON.').waitFor()
    await dialog.getByLabel('File').setInputFiles(file('list.json', '{"templates": []}'))
    await dialog.getByText('no backup of a project').waitFor()
  })
  await test('what the server refuses is said, and what was typed stays', async () => {
    const broken = JSON.parse(text)
    broken.templates[0].repository = 'Not there'
    await dialog.getByLabel('File').setInputFiles(file('broken.json', JSON.stringify(broken)))
    await dialog.getByLabel('Name of the new project').fill('Made of a file')
    await save()
    await dialog.getByText('Error at templates[0]: repository "Not there" does not exist').waitFor()
    await pictures(page, 'restore-refused')
    assert((await dialog.getByLabel('Name of the new project').inputValue()) === 'Made of a file', 'the name is lost')
    await dialog.getByLabel('File').setInputFiles(file('good.json', text))
    await save()
    await dialog.getByText("Project with name 'Kept in a file' already exists").waitFor()
    assert((await call(page, 'GET', 'projects')).every((each) => each.name !== 'Made of a file'), 'there is a project')
  })
  await test('a backup becomes a new project', async () => {
    await dialog.getByText('In the file: 1 template, 1 schedule, 1 inventory, 2 variable groups, 1 repository, 3 keys, 1 view.').waitFor()
    await dialog.getByText('Secrets are in no backup.').waitFor()
    await dialog.getByLabel('Name of the new project').fill('Made of a file')
    await pictures(page, 'restore')
    await save()
    await page.getByText('“Made of a file” is restored.').waitFor()
    await page.getByRole('link', { name: 'Nightly build' }).waitFor()
    const made = (await call(page, 'GET', 'projects')).find((each) => each.name === 'Made of a file')
    assert(made.id !== project.id, 'it is the same project')
    const [template] = await call(page, 'GET', `project/${made.id}/templates`)
    same(template, { name: 'Nightly build', description: 'What is kept', playbook: 'run.sh' }, 'the template')
    const [schedule] = await call(page, 'GET', `project/${made.id}/schedules`)
    same(schedule, { name: 'Every night', cron_format: '0 3 * * *' }, 'the schedule')
    await call(page, 'DELETE', `project/${made.id}`)
    await page.goto(`${base}/projects`)
    await page.getByRole('button', { name: 'Restore a backup' }).waitFor()
    await pictures(page, 'projects')
  })
}

/** Who may only read gets no document; who may not create projects restores none. */
async function roles(page, project) {
  const user = await call(page, 'POST', 'users', { username: 'backup-paula', name: 'Paula', email: 'paula@example.com', password: SECRET })
  await call(page, 'POST', `project/${project.id}/users`, { user_id: user.id, role: 'guest' })
  for (const [role, may] of [['guest', false], ['task_runner', true], ['manager', true], ['owner', true]]) {
    await test(`a ${role} is ${may ? '' : 'not '}offered a backup`, async () => {
      await call(page, 'PUT', `project/${project.id}/users/${user.id}`, { role })
      const own = await visit(browser, { user: 'backup-paula', secret: SECRET })
      await own.goto(`${base}/project/${project.id}/settings`)
      await own.getByRole('heading', { name: 'Host keys' }).waitFor()
      assert((await own.getByRole('button', { name: 'Download a backup' }).count()) === (may ? 1 : 0), 'the button')
      if (may) {
        const [file] = await Promise.all([own.waitForEvent('download'), own.getByRole('button', { name: 'Download a backup' }).click()])
        assert(JSON.parse(readFileSync(await file.path(), 'utf8')).meta.name === 'Kept in a file', 'another project')
      }
      await own.goto(`${base}/projects`)
      await own.getByRole('link', { name: 'Kept in a file' }).waitFor()
      assert((await own.getByRole('button', { name: 'Restore a backup' }).count()) === 0, 'restoring is offered')
      await own.context().close()
    })
  }
  await call(page, 'DELETE', `users/${user.id}`)
}
