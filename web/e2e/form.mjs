// Walks a form: every control that is seen is changed, by its label; what was typed is what somebody else sees after it was saved, and what
// the API answers. A control without a value in the plan is an error, so a new field fails until somebody has said what becomes of it.
import { assert, test } from './browser.mjs'
import { choose } from './visit.mjs'

/** So long a part of a form may take that is read from the server. */
const LOADING = Number(process.env.STEP_TIMEOUT ?? 15_000)

/** A value that the API answers under `key` (a path with dots), as `stored` if not as it was typed. */
export const to = (key, value, ...stored) => ({ value, key, stored: stored.length === 0 ? value : stored[0] })
/** A value that is never shown again, nor answered. */
export const secret = (value) => ({ value, again: '' })
/** A value that no answer has: what else is asked for depends on it. Somebody else sees `again`. */
export const seen = (value, again = value) => ({ value, again })
/** A control that cannot be changed here, and shows this. */
export const locked = (value) => ({ value, locked: true })
/** A control that has this already, and why it is left. */
export const left = (planned, why) => ({ ...planned, left: why })
/** A control that is not there any more when the form is opened again. */
export const once = (planned) => ({ ...planned, again: undefined, once: true })
/** A control that is there only when the form is opened again. */
export const later = (value) => ({ value, later: true })

/**
 * The controls of a form in their order: label, kind, value, and whether they are locked. Of several with one label the second is called
 * `label (2)`. Each is marked, so that it can be found again.
 */
export function controls(scope) {
  return scope.evaluate((root) => {
    const words = (text) => (text ?? '').replace(/\s+/g, ' ').trim()
    const nameOf = (element) => {
      const labelled = (element.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => (id && document.getElementById(id)?.textContent) || '').join(' ')
      // What stands in code is an example, and changes with other controls.
      const label = element.labels?.[0]
      const examples = [...(label?.querySelectorAll('code') ?? [])].map((code) => code.innerText)
      const text = examples.reduce((text, example) => text.replace(example, ''), label?.innerText ?? '')
      return words(element.getAttribute('aria-label')) || words(text) || words(labelled)
    }
    const counts = new Map()
    const found = []
    const add = (element, control) => {
      const count = (counts.get(control.label) ?? 0) + 1
      counts.set(control.label, count)
      element.dataset.walk = String(found.length)
      found.push({ ...control, mark: found.length, label: count === 1 ? control.label : `${control.label} (${count})` })
    }
    for (const element of root.querySelectorAll('input, textarea, [role=radiogroup]')) {
      const input = element.closest('.v-input')
      if (element.classList.contains('v-textarea__sizer') || element.type === 'hidden' || !(input ?? element).checkVisibility()) continue
      const locked = input !== null && (input.matches('.v-input--readonly, .v-input--disabled') || element.disabled === true)
      if (element.getAttribute('role') === 'radiogroup') {
        const radios = [...element.querySelectorAll('input[type=radio]')]
        const chosen = radios.find((radio) => radio.checked)
        add(element, { kind: 'radio', label: nameOf(element), value: chosen ? nameOf(chosen) : '', locked: locked || radios.every((radio) => radio.disabled) })
      } else if (element.type === 'radio') {
        continue
      } else if (element.type === 'checkbox') {
        add(element, { kind: 'check', label: nameOf(element), value: element.checked, locked })
      } else if (input?.matches('.v-select, .v-autocomplete')) {
        const text = [...input.querySelectorAll('.v-select__selection-text, .v-autocomplete__selection-text')].map((each) => words(each.textContent)).join(', ')
        add(element, { kind: input.matches('.v-autocomplete') ? 'search' : 'select', label: nameOf(element), value: text || words(input.matches('.v-autocomplete') ? element.value : ''), locked })
      } else {
        add(element, { kind: 'text', label: nameOf(element), value: element.value, locked })
      }
    }
    return found
  })
}

async function change(scope, control, value) {
  const page = scope.page()
  const element = scope.locator(`[data-walk="${control.mark}"]`)
  if (control.kind === 'check') return element.setChecked(value)
  if (control.kind === 'radio') return element.getByRole('radio', { name: value }).check()
  if (control.kind === 'text') {
    await element.fill(value)
    // A list of suggestions would lie over the next field.
    return element.press('Tab')
  }
  if (value === '') return scope.locator('.v-input').filter({ has: page.locator(`[data-walk="${control.mark}"]`) }).getByRole('button', { name: /^Clear/ }).click()
  await element.focus()
  if (control.kind === 'search') await element.fill(value)
  else await element.press('ArrowDown')
  await optionNamed(page, value).click()
  return listGone(page, value)
}

/** The option with this name, or with a text in it that is this. */
const optionNamed = (page, name) => page.getByRole('option', { name, exact: true }).or(page.getByRole('option').filter({ has: page.getByText(name, { exact: true }) })).first()

/** Waits until the list of a selection is gone. While the field below it moves, as the form grows, a click may be lost: it is repeated. */
async function listGone(page, option) {
  const list = page.getByRole('listbox')
  const again = () => optionNamed(page, option).click({ timeout: 2_000 }).catch(() => page.keyboard.press('Escape'))
  await list.waitFor({ state: 'detached', timeout: 1_000 }).catch(again)
  await list.waitFor({ state: 'detached', timeout: 1_000 }).catch(() => page.keyboard.press('Escape'))
  await list.waitFor({ state: 'detached' })
}

/** Changes every control as planned, also those that come while others are changed. */
export async function fillForm(scope, plan) {
  const done = new Set()
  const missing = () => Object.keys(plan).filter((label) => !done.has(label) && !plan[label].later)
  let end = Date.now() + LOADING
  for (;;) {
    const control = (await controls(scope)).find((each) => !done.has(each.label))
    if (control === undefined) {
      assert(missing().length === 0 || Date.now() < end, `not in the form: ${missing().join(', ')}`)
      if (missing().length === 0) return
      await new Promise((resolve) => setTimeout(resolve, 100))
      continue
    }
    end = Date.now() + LOADING
    const { label, value } = control
    done.add(label)
    const wanted = plan[label]
    assert(wanted !== undefined, `“${label}” has no value in the plan, so it was not changed`)
    assert(control.locked === (wanted.locked === true), `“${label}” is ${control.locked ? '' : 'not '}locked`)
    if (wanted.locked || wanted.left) {
      assert(value === wanted.value, `“${label}” is ${JSON.stringify(value)}, not ${JSON.stringify(wanted.value)}`)
      continue
    }
    assert(value !== wanted.value, `“${label}” is ${JSON.stringify(value)} already: that changes nothing`)
    await change(scope, control, wanted.value)
  }
}

/** The form shows what was typed: all of it, and nothing else. What is read from the server comes a moment after the form. */
export async function compareForm(scope, plan) {
  const expected = Object.fromEntries(Object.entries(plan).filter(([, wanted]) => !wanted.once).map(([label, wanted]) => [label, wanted.again ?? wanted.value]))
  const end = Date.now() + LOADING
  for (;;) {
    const found = Object.fromEntries((await controls(scope)).map((control) => [control.label, control.value]))
    const wrong = [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((label) => found[label] !== expected[label])
    if (wrong.length === 0) return
    const problems = wrong.map((label) => `“${label}” is ${JSON.stringify(found[label]) ?? 'missing'}, not ${JSON.stringify(expected[label]) ?? 'there'}`)
    assert(Date.now() < end, `somebody else sees: ${problems.join('; ')}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Chooses in a selection of a row, and waits until its list is gone. */
export async function select(scope, label, option) {
  await choose(scope, label, option)
  await listGone('page' in scope ? scope.page() : scope, option)
}

const at = (object, path) => path.split('.').reduce((found, key) => found?.[key], object)

/** What the API answers is what was typed. */
export function compareAnswer(answer, plan) {
  const wrong = Object.entries(plan)
    .filter(([, wanted]) => wanted.key !== undefined && JSON.stringify(at(answer, wanted.key)) !== JSON.stringify(wanted.stored))
    .map(([label, wanted]) => `${wanted.key} (“${label}”) is ${JSON.stringify(at(answer, wanted.key))}, not ${JSON.stringify(wanted.stored)}`)
  assert(wrong.length === 0, `the API: ${wrong.join('; ')}`)
}

/**
 * One form, for each plan: opened (the first time by `fresh`, if there is one), every control changed, saved, opened by `other`, who is
 * somebody else's page, and compared with the answer of the API. Without `open` it is a form that is filled once.
 */
export async function walk(page, other, { name, plans, fresh, open, scope = (page) => page.getByRole('dialog'), save = saveDialog, prepare, answer }) {
  for (const [index, plan] of plans.entries()) {
    await test(`${name}: ${fresh && index === 0 ? 'every field is filled' : 'every field is changed'}${plans.length > 2 ? ` (${index + 1})` : ''}`, async () => {
      if (fresh && index === 0) await fresh(page)
      else await open(page)
      await scope(page).locator('.v-input').first().waitFor()
      await prepare?.(scope(page), index)
      await fillForm(scope(page), plan)
      await save(page, scope(page))
      if (open) {
        await open(other)
        await scope(other).locator('.v-input').first().waitFor()
        await compareForm(scope(other), plan)
      }
      compareAnswer(await answer(), plan)
    })
  }
}

/** Presses the button of a dialog and waits until it is gone; what the dialog says against it is the error. */
export async function saveDialog(page, dialog, button = 'Save') {
  await dialog.getByRole('button', { name: button, exact: true }).click()
  try {
    await dialog.waitFor({ state: 'detached', timeout: LOADING })
  } catch {
    const words = await dialog.locator('[role=alert], .v-input--error .v-messages').allInnerTexts()
    throw new Error(`it is not saved: ${words.join(' ')}`)
  }
}
