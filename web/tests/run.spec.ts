import { describe, expect, it } from 'vitest'
import type { SurveyVariable, Task, Template } from '@/api/types'
import { argumentLines, initialForm, nameList, newTask } from '@/run/request'
import { checkValue, checkValues, initialValues, splitValues } from '@/run/survey'

const variable = (more: Partial<SurveyVariable> = {}): SurveyVariable => ({ name: 'v', title: 'V', ...more })
const template = (more: Partial<Template> = {}): Template => ({
  id: 3, project_id: 1, name: 'T', playbook: 'p.yml', app: 'ansible', repository_id: 1, tasks: 0, ...more,
})

describe('survey values', () => {
  const stage = variable({ type: 'enum', values: [{ name: 'Test', value: 'test' }] })
  it.each<[string, SurveyVariable, string, string | null]>([
    ['optional and empty', variable(), '', null],
    ['required and empty', variable({ required: true }), '', 'V is required.'],
    ['required and blank', variable({ required: true }), '  ', 'V is required.'],
    ['required secret', variable({ required: true, type: 'secret' }), '', 'V is required.'],
    ['without a title the name is used', variable({ required: true, title: '' }), '', 'v is required.'],
    ['a whole number', variable({ type: 'int' }), '42', null],
    ['a negative number', variable({ type: 'int' }), '-1', null],
    ['a number with blanks around', variable({ type: 'int' }), ' 7 ', null],
    ['a fraction', variable({ type: 'int' }), '1.5', 'V must be a whole number.'],
    ['a word for a number', variable({ type: 'int' }), 'x', 'V must be a whole number.'],
    ['an optional number may be empty', variable({ type: 'int' }), '', null],
    ['one of the choices', stage, 'test', null],
    ['none of the choices', stage, 'prod', 'V must be one of the choices.'],
    ['a required choice', { ...stage, required: true }, '', 'V is required.'],
  ])('%s', (_name, subject, value, problem) => {
    expect(checkValue(subject, value)).toBe(problem)
  })

  it('tells all problems by name', () => {
    const variables = [variable({ name: 'a', title: 'A', required: true }), variable({ name: 'b', type: 'int' }), variable({ name: 'c' })]
    expect(checkValues(variables, { b: 'x' })).toEqual({ a: 'A is required.', b: 'V must be a whole number.' })
  })

  it('begins with defaults or the values of an earlier run, never with an earlier secret', () => {
    const variables = [variable({ name: 'a', default_value: '1' }), variable({ name: 'b', default_value: '2' }), variable({ name: 's', type: 'secret' })]
    expect(initialValues(variables, { b: 9, s: 'old' })).toEqual({ a: '1', b: '9', s: '' })
  })

  it('keeps secrets apart and leaves empty values out', () => {
    const variables = [variable({ name: 'a' }), variable({ name: 'n', type: 'int' }), variable({ name: 'e' }), variable({ name: 's', type: 'secret' })]
    expect(splitValues(variables, { a: 'x', n: ' 5 ', e: '', s: 'hush' })).toEqual({ environment: { a: 'x', n: '5' }, secret: { s: 'hush' } })
  })
})

describe('the body of a new task', () => {
  it('is small for a plain template', () => {
    const plain = template({ app: 'bash' })
    expect(newTask(plain, initialForm(plain))).toEqual({ template_id: 3, environment: '{}', secret: '{}' })
  })

  it('carries only what the template allows', () => {
    const strict = template()
    const form = { ...initialForm(strict), limit: 'web', tags: 'a', branch: 'dev', arguments: '-v', debug: true, destroy: true, inventory: 4, build: 5 }
    expect(newTask(strict, form)).toEqual({ template_id: 3, environment: '{}', secret: '{}' })
  })

  it('carries what is allowed', () => {
    const open = template({
      allow_override_args_in_task: true,
      allow_override_branch_in_task: true,
      survey_vars: [variable({ name: 'who' }), variable({ name: 'pw', type: 'secret' })],
      task_params: { allow_debug: true, allow_override_limit: true, allow_override_tags: true, allow_override_skip_tags: true, allow_override_inventory: true },
    })
    const form = {
      ...initialForm(open), message: ' why ', survey: { who: 'me', pw: 'x' }, dryRun: true, diff: true, debug: true, debugLevel: 2,
      limit: 'web, db ,', tags: 'a', skipTags: '', branch: ' dev ', arguments: '--flag\ntwo words\n', inventory: 9,
    }
    expect(newTask(open, form)).toEqual({
      template_id: 3, message: 'why', environment: '{"who":"me"}', secret: '{"pw":"x"}', git_branch: 'dev', inventory_id: 9,
      arguments: '["--flag","two words"]',
      params: { dry_run: true, diff: true, debug: true, debug_level: 2, limit: ['web', 'db'], tags: ['a'], skip_tags: [] },
    })
  })

  it('knows the options of Terraform and the build of a deployment', () => {
    const stack = template({ app: 'tofu', type: 'deploy', task_params: { allow_destroy: true } })
    const form = { ...initialForm(stack), plan: true, destroy: true, autoApprove: true, dryRun: true, build: 12 }
    expect(newTask(stack, form)).toMatchObject({ build_task_id: 12, params: { plan: true, destroy: true } })
    expect(newTask(stack, form).params).not.toHaveProperty('auto_approve')
    expect(newTask(stack, form).params).not.toHaveProperty('dry_run')
  })

  it('runs again with the values of the earlier task', () => {
    const again = template({ survey_vars: [variable({ name: 'who', default_value: 'd' })], allow_override_args_in_task: true, task_params: { limit: ['all'] } })
    const source = { id: 1, message: 'm', environment: '{"who":"me"}', arguments: '["a","b c"]', params: { dry_run: true, limit: ['web'] } } as unknown as Task
    expect(initialForm(again, source)).toMatchObject({ message: 'm', survey: { who: 'me' }, arguments: 'a\nb c', dryRun: true, limit: 'web' })
    expect(initialForm(again)).toMatchObject({ survey: { who: 'd' }, limit: 'all', dryRun: false })
    expect(initialForm(again, { ...source, environment: 'broken', arguments: '{' })).toMatchObject({ survey: { who: 'd' }, arguments: '' })
  })

  it('keeps arguments by stage when a task is run again', () => {
    const stages = '{"plan": ["-a"], "apply": ["-b c"]}'
    const stack = template({ app: 'tofu', allow_override_args_in_task: true })
    const form = initialForm(stack, { id: 1, arguments: stages, params: {} } as unknown as Task)
    expect(newTask(stack, form).arguments).toBe(stages)
    expect(newTask(stack, { ...form, arguments: '{not json' }).arguments).toBe('["{not json"]')
  })

  it('splits lists as they are typed', () => {
    expect(nameList(' a, ,b,')).toEqual(['a', 'b'])
    expect(argumentLines('a\r\n\n  b c\n')).toEqual(['a', '  b c'])
  })
})
