// The browser test of signing in: codes, recovery codes, an OpenID Connect provider, and the own account.
//
//   SERVER_BIN=target/release/semaphore OIDC_PROVIDER=.deps/venv/bin/oidc-provider-mock node e2e/sign-in.mjs
//
// It starts servers, the provider and a server for e-mail by itself, on free ports and data of their own. The latter is aiosmtpd, which lies beside the provider.
// Optional: CHROMIUM, SCREENSHOTS as in run.mjs.
import { spawn, spawnSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert, consoleErrors, finish, launch, picture, test, watchConsole } from './browser.mjs'
import { freePort, listens } from './ports.mjs'

const program = process.env.SERVER_BIN
const providerProgram = process.env.OIDC_PROVIDER
if (!program || !providerProgram) {
  console.error('SERVER_BIN and OIDC_PROVIDER are not set. See the head of this file.')
  process.exit(2)
}
const STEP_TIMEOUT = 20_000
const directory = mkdtempSync(join(tmpdir(), 'semaphore-sign-in-'))
const children = []
let password = randomBytes(12).toString('hex')

const providerPort = await freePort()
const carol = { sub: 'carol', email: 'carol@example.com', name: 'Carol', preferred_username: 'carol' }
start(providerProgram, ['--port', String(providerPort), '--require-nonce', 'true', '--user-claims', JSON.stringify(carol)], 'provider.log')
const browser = await launch()
try {
  await listens(providerPort)
  const base = await server('all', {})
  await provider(base)
  await secondFactor(base)
  await account(base)
  await byEmail()
  await onlyProvider(await server('only', { password_login_disable: true }))
  await test('no error in the console', async () => {
    assert(consoleErrors.length === 0, consoleErrors.slice(0, 5).join(' | '))
  })
} catch (error) {
  await test('the scenario goes on to its end', () => Promise.reject(error))
} finally {
  await browser.close()
  await Promise.all(children.map(end))
  rmSync(directory, { recursive: true, force: true })
}
finish()

async function provider(base) {
  const page = await newPage()
  await test('a provider signs in and leads to the page that was asked for', async () => {
    await page.goto(`${base}/account`)
    await picture(page, 'sign-in-provider')
    await page.getByRole('link', { name: 'Sign in with Company' }).click()
    await page.getByRole('button', { name: 'carol' }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    assert(new URL(page.url()).pathname === '/account', page.url())
    await page.getByText('Its password is changed there.').waitFor()
    assert((await page.getByLabel('E-mail').inputValue()) === carol.email, 'another address')
  })
  await test('a provider that refuses leads back with words', async () => {
    await page.context().clearCookies()
    await page.goto(`${base}/auth/login`)
    await page.getByRole('link', { name: 'Sign in with Company' }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByRole('alert').filter({ hasText: 'The sign-in with Company was not completed.' }).waitFor()
    await picture(page, 'sign-in-provider-refused')
    await page.reload()
    await page.getByLabel('User name or e-mail').waitFor()
    await page.getByRole('link', { name: 'Sign in with Company' }).waitFor()
    assert((await page.getByRole('alert').count()) === 0, 'the words are said again')
  })
  await page.context().close()
}

async function secondFactor(base) {
  const page = await newPage()
  let made = null
  await test('one-time codes are set up with a picture and a recovery code', async () => {
    await signIn(page, base, '/account')
    const answer = page.waitForResponse((response) => response.url().endsWith('/2fas/totp'))
    await page.getByRole('button', { name: 'Set up one-time codes' }).click()
    made = await (await answer).json()
    const code = page.getByAltText('QR code for the authenticator app')
    await code.waitFor()
    await page.waitForFunction(() => document.querySelector('img[alt^="QR code"]')?.naturalWidth === 256)
    await page.getByText(made.recovery_code).waitFor()
    await picture(page, 'account-codes')
    await page.reload()
    await page.getByRole('button', { name: 'Switch off' }).waitFor()
    assert((await code.count()) === 0 && (await page.getByText(made.recovery_code).count()) === 0, 'the codes are shown again')
  })
  await test('the sign-in asks for a code, also after a reload, and says when it is wrong', async () => {
    await signOut(page)
    await givePassword(page)
    await page.getByRole('heading', { name: 'Enter your code' }).waitFor()
    await page.reload()
    await page.getByLabel('Code').fill('000000')
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('alert').filter({ hasText: 'This code is not right.' }).waitFor()
    await picture(page, 'sign-in-code')
    await page.getByLabel('Code').fill(oneTimeCode(made.url))
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
  })
  await test('who waits for a code may begin again', async () => {
    await signOut(page)
    await givePassword(page)
    await page.getByRole('button', { name: 'Sign in as somebody else' }).click()
    await page.getByLabel('User name or e-mail').waitFor()
  })
  await test('a recovery code signs in and takes the codes away', async () => {
    await givePassword(page)
    await page.getByRole('button', { name: 'Use a recovery code' }).click()
    await page.getByLabel('Recovery code').fill('nonsense')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('alert').filter({ hasText: 'This recovery code is not right.' }).waitFor()
    await picture(page, 'sign-in-recovery')
    await page.getByLabel('Recovery code').fill(made.recovery_code)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
    await page.goto(`${base}/account`)
    await page.getByRole('button', { name: 'Set up one-time codes' }).waitFor()
  })
  await test('one-time codes are switched off', async () => {
    await page.getByRole('button', { name: 'Set up one-time codes' }).click()
    await page.getByRole('button', { name: 'Switch off' }).click()
    await page.getByRole('button', { name: 'Yes, switch them off' }).click()
    await page.getByRole('button', { name: 'Set up one-time codes' }).waitFor()
  })
  await page.context().close()
}

async function account(base) {
  const page = await newPage()
  await signIn(page, base, '/account')
  await test('the profile is saved', async () => {
    await page.getByLabel('Name', { exact: true }).fill('Ada')
    await page.getByRole('button', { name: 'Save the profile' }).click()
    await page.getByRole('button', { name: 'Account of Ada' }).waitFor()
  })
  await test('a token is shown once, works, and is dead when it is deleted', async () => {
    await page.getByRole('button', { name: 'New token' }).click()
    const token = await page.locator('#tokens .whole code').innerText()
    const asks = () => fetch(`${base}/api/user`, { headers: { Authorization: `Bearer ${token}` } })
    assert((await asks()).status === 200, 'the new token is refused')
    await picture(page, 'account-token')
    await page.reload()
    await page.getByRole('button', { name: /^Delete the token / }).click()
    assert((await page.getByText(token).count()) === 0, 'the whole token is shown again')
    await page.getByRole('button', { name: 'Yes, delete' }).click()
    await page.getByText('You have no tokens.').waitFor()
    assert((await asks()).status === 401, 'the deleted token is taken')
  })
  await test('the account fits on 360 pixels, light and dark', async () => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width: 360, height: 740 })
      await page.getByRole('button', { name: 'New token' }).waitFor()
      await picture(page, `account-narrow-${colorScheme}`)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      assert(width <= 360, `${width} pixels wide`)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
  })
  await test('a new password ends all sessions', async () => {
    const other = await newPage()
    await signIn(other, base, '/projects')
    await page.getByLabel('New password', { exact: true }).fill('new password')
    await page.getByLabel('New password again').fill('another')
    await page.getByRole('button', { name: 'Change the password' }).click()
    await page.getByText('This is not the same password.').waitFor()
    password = randomBytes(12).toString('hex')
    await page.getByLabel('New password', { exact: true }).fill(password)
    await page.getByLabel('New password again').fill(password)
    await page.getByRole('button', { name: 'Change the password' }).click()
    await page.getByText('Your password is changed').waitFor()
    await picture(page, 'sign-in-new-password')
    await other.reload()
    await other.getByLabel('User name or e-mail').waitFor()
    await other.context().close()
    await givePassword(page)
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })
  await test('who guesses is told how long to wait', async () => {
    await signOut(page)
    const right = password
    password = 'wrong'
    for (let guess = 0; guess < 10; guess += 1) {
      await page.request.post(`${base}/api/auth/login`, { data: { auth: 'admin', password } })
    }
    await givePassword(page)
    await page.getByRole('alert').filter({ hasText: /^Too many failed attempts from here: try again in \d+ seconds\.$/ }).waitFor()
    await picture(page, 'sign-in-too-many')
    password = right
  })
  await page.context().close()
}

/** A code by e-mail: as the way in, and as the second step after a password. */
async function byEmail() {
  const post = await mailServer()
  const base = await server('email', { auth: { email: { enabled: true } }, oidc_providers: {}, email_host: '127.0.0.1', email_port: String(post.port), email_sender: 'semaphore@example.com' })
  const page = await newPage()
  await test('a code from the mailbox signs in, and an address is asked for first', async () => {
    await page.goto(`${base}/account`)
    await page.getByRole('button', { name: 'Send me a code by e-mail instead' }).click()
    await page.getByRole('button', { name: 'Send me a code' }).click()
    await page.getByText('Enter your e-mail address.').waitFor()
    await page.getByLabel('E-mail').fill('Admin@localhost')
    await picture(page, 'sign-in-email')
    await page.getByRole('button', { name: 'Send me a code' }).click()
    await page.getByText('We have sent a code to your e-mail address.').waitFor()
    const code = await post.code(0)
    await page.getByLabel('Code').fill(code === '000000' ? '000001' : '000000')
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('alert').filter({ hasText: 'This code is not right, or it is too old.' }).waitFor()
    await picture(page, 'sign-in-email-code')
    await page.getByLabel('Code').fill(code)
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    assert(new URL(page.url()).pathname === '/account', page.url())
  })
  await test('another code is refused for half a minute, and sent when the first one is worth nothing', async () => {
    await signOut(page)
    await page.getByRole('button', { name: 'Send me a code by e-mail instead' }).click()
    await page.getByLabel('E-mail').fill('admin@localhost')
    await page.getByRole('button', { name: 'Send me a code' }).click()
    await page.getByText('We have sent a code to your e-mail address.').waitFor()
    const first = await post.code(1)
    await page.getByRole('button', { name: 'Send the code again' }).click()
    await page.getByRole('alert').filter({ hasText: /second|moment|wait/i }).waitFor()
    // A code bears ten wrong tries, from many addresses.
    for (let tries = 0; tries < 10; tries += 1) {
      await page.context().request.post(`${base}/api/auth/verify`, { data: { passcode: first === '000000' ? '000001' : '000000' }, headers: { 'X-Forwarded-For': `198.51.100.${tries}` } })
    }
    await page.getByRole('button', { name: 'Send the code again' }).click()
    await page.getByText('A new code is on its way.').waitFor()
    await page.getByLabel('Code').fill(await post.code(2))
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByRole('heading', { name: /^(Projects|Your account)$/ }).waitFor()
  })
  await page.context().close()
}

async function onlyProvider(base) {
  const page = await newPage()
  await test('where a provider is the only way in, there is no password to give', async () => {
    await page.goto(`${base}/projects`)
    await page.getByRole('link', { name: 'Sign in with Company' }).waitFor()
    assert((await page.getByLabel('Password').count()) === 0, 'there is a password field')
    await page.getByRole('link', { name: 'Sign in with Company' }).click()
    await page.getByRole('button', { name: 'carol' }).first().click()
    await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor()
    await signOut(page)
    await page.getByRole('link', { name: 'Sign in with Company' }).waitFor()
  })
  await page.context().close()
}

async function newPage() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' })
  const page = await context.newPage()
  page.setDefaultTimeout(STEP_TIMEOUT)
  // The provider's page is somebody else's.
  watchConsole(page, { provoked: [400, 401, 429], own: 'http://localhost:' })
  return page
}

async function signIn(page, base, path) {
  await page.goto(`${base}${path}`)
  await givePassword(page)
  await page.waitForURL((url) => url.pathname === path)
}

async function givePassword(page) {
  await page.getByLabel('User name or e-mail').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

async function signOut(page) {
  await page.getByRole('button', { name: /^Account of/ }).click()
  await page.getByText('Sign out').click()
  await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
}

/** The code of this moment for the secret in an `otpauth:` address (RFC 6238 with SHA-1). */
function oneTimeCode(address) {
  const bits = [...new URL(address).searchParams.get('secret')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const mac = createHmac('sha1', key).update(time).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** A server with an administrator and the provider, and what `more` configures. Resolves to its address. */
async function server(name, more) {
  const port = await freePort()
  const key = () => randomBytes(32).toString('base64')
  const base = `http://localhost:${port}`
  const config = join(directory, `${name}.json`)
  const settings = {
    dialect: 'sqlite',
    sqlite: { host: join(directory, `${name}.sqlite`) },
    tmp_path: join(directory, `${name}-tmp`),
    interface: '127.0.0.1',
    port: String(port),
    web_host: base,
    cookie_hash: key(),
    cookie_encryption: key(),
    access_key_encryption: key(),
    auth: { totp: { enabled: true, allow_recovery: true } },
    oidc_providers: {
      company: { display_name: 'Company', color: '#0b6e75', provider_url: `http://127.0.0.1:${providerPort}`, client_id: 'semaphore', client_secret: 'known', redirect_url: `${base}/api/auth/oidc/company/redirect` },
    },
    ...more,
  }
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 })
  const added = spawnSync(program, ['user', 'add', '--config', config, '--admin', '--login', 'admin', '--name', 'Administrator', '--email', 'admin@localhost', '--stdin-password'], { input: `${password}\n`, encoding: 'utf8' })
  if (added.status !== 0) throw new Error(`the administrator could not be made: ${added.stdout}${added.stderr}`)
  start(program, ['server', '--config', config], `${name}.log`)
  await listens(port)
  return base
}

function start(command, options, log) {
  const output = openSync(join(directory, log), 'a')
  const child = spawn(command, options, { stdio: ['ignore', output, output] })
  child.on('error', (error) => console.error(`${command}: ${error.message}`))
  children.push(child)
}

function end(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', resolve)
    child.kill('SIGTERM')
  })
}

/** A server for e-mail that keeps what it is sent: the one of the tests of the API. */
async function mailServer() {
  const folder = join(directory, 'mail')
  mkdirSync(folder)
  const port = await freePort()
  const options = { kind: 'plain', old: false, host: '127.0.0.1', port, directory: folder, username: '', password: '' }
  start(join(dirname(providerProgram), 'python3'), [fileURLToPath(new URL('../../tests/machine/src/smtp/server.py', import.meta.url)), JSON.stringify(options)], 'mail.log')
  await listens(port)
  return {
    port,
    /** The code in the message with this number, as soon as it is there. */
    async code(number) {
      const file = join(folder, `${number}.json`)
      for (const end = Date.now() + STEP_TIMEOUT; !existsSync(file); await new Promise((resolve) => setTimeout(resolve, 50))) {
        if (Date.now() > end) throw new Error(`message ${number} does not come; there are ${readdirSync(folder).length}`)
      }
      const { text, html } = JSON.parse(readFileSync(file, 'utf8'))
      return /\b\d{6}\b/.exec(text ?? html.replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, ' '))[0]
    },
  }
}
