import { describe, expect, it } from 'vitest'
import type { Template } from '@/api/types'
import { checkTemplate, copyForm, row, templateBody, templateForm, type TemplateForm } from '@/template/form'
import { nextSort, search, sorted, sortOf } from '@/template/list'
import { checkSchedule, joinCron, localTime, scheduleBody, scheduleForm, splitCron } from '@/schedule/form'

const stored: Template = {
  id: 7,
  project_id: 1,
  name: 'Web',
  playbook: 'site.yml',
  app: 'ansible',
  repository_id: 2,
  inventory_id: 3,
  arguments: '["-e a=b c"]',
  tasks: 0,
  survey_vars: [{ name: 'size', title: 'Size', type: 'enum', values: [{ name: 'Small', value: 's' }], default_value: 's' }],
  vaults: [{ id: 9, type: 'password', vault_key_id: 4, name: 'prod' }],
  task_params: { limit: ['a', 'b'], allow_debug: true, something_new: [1] } as Template['task_params'],
}

describe('the form of a template', () => {
  it('gives back what it was given', () => {
    const body = templateBody(templateForm(stored, 'ansible')) as Record<string, unknown>
    expect(body).toMatchObject({ name: 'Web', playbook: 'site.yml', app: 'ansible', repository_id: 2, inventory_id: 3, arguments: '["-e a=b c"]' })
    expect(body.survey_vars).toMatchObject(stored.survey_vars ?? [])
    expect(body.vaults).toMatchObject([{ id: 9, type: 'password', vault_key_id: 4, name: 'prod' }])
    expect(body.task_params).toEqual({ limit: ['a', 'b'], allow_debug: true, something_new: [1] })
  })

  it('copies without the numbers of rows', () => {
    const copy = copyForm(stored)
    expect([copy.id, copy.name, copy.vaults[0]?.id]).toEqual([0, 'Web (copy)', 0])
  })

  it('drops what does not belong to the app or the type', () => {
    const form: TemplateForm = { ...templateForm(stored, 'ansible'), app: 'bash', start_version: '1', build_template_id: 5, autorun: true }
    expect(templateBody(form)).toMatchObject({ inventory_id: null, vaults: [], start_version: null, build_template_id: null, autorun: false, task_params: { something_new: [1] } })
  })

  it('never sends the default of a secret', () => {
    const form = templateForm(stored, 'ansible')
    form.survey = [row({ name: 'token', title: '', type: 'secret', required: true, description: '', default_value: 'visible', values: [] })]
    expect((templateBody(form) as { survey_vars: unknown[] }).survey_vars[0]).toMatchObject({ name: 'token', title: 'token', default_value: '' })
  })

  it('keeps arguments that lines cannot carry', () => {
    for (const kept of ['["prod","","true"]', '["-e","{\\n1\\n}"]', '["[\\"a\\"]"]', '["[1]"]', '[]', '[" a "]']) {
      expect(templateBody(templateForm({ ...stored, arguments: kept }, 'bash'))).toMatchObject({ arguments: kept })
    }
  })

  it('keeps arguments by stage and refuses what looks like them', () => {
    const form = { ...templateForm(stored, 'ansible'), app: 'tofu', arguments: '{"plan": ["-a"]}' }
    expect(checkTemplate(form).arguments).toBeUndefined()
    expect(templateBody(form)).toMatchObject({ arguments: '{"plan": ["-a"]}' })
    expect(checkTemplate({ ...form, arguments: '{"plan": 1}' }).arguments).toBeDefined()
  })

  it('finds what is wrong with questions', () => {
    const question = { title: '', type: '' as const, required: false, description: '', default_value: '', values: [] }
    const form = templateForm(stored, 'ansible')
    form.survey = [
      row({ ...question, name: 'a' }),
      row({ ...question, name: 'a' }),
      row({ ...question, name: '1b' }),
      row({ ...question, name: 'c', type: 'enum' as const }),
      row({ ...question, name: 'd', type: 'int' as const, default_value: 'x' }),
    ]
    expect(Object.keys(checkTemplate(form)).sort()).toEqual(['survey-1', 'survey-2', 'survey-3-values', 'survey-4-default'])
  })
})

describe('the list of templates', () => {
  const list = ['b 10', 'B 2', 'a'].map((name, id) => ({ ...stored, id, name, playbook: `${name}.yml` }))

  it('is searched by every word', () => {
    expect(search(list, ' b  yml ').map((each) => each.name)).toEqual(['b 10', 'B 2'])
  })

  it('sorts numbers as numbers, and what never ran last', () => {
    expect(sorted(list, 'name').map((each) => each.name)).toEqual(['a', 'B 2', 'b 10'])
    const ran = list.map((each) => (each.name === 'a' ? { ...each, last_task: { created: '2026-01-01T00:00:00Z' } as Template['last_task'] } : each))
    expect(sorted(ran, 'when')[0]?.name).toBe('a')
    expect(sorted(ran, '-when')[0]?.name).toBe('a')
  })

  it('turns an order up, down and off, and knows no other', () => {
    expect([nextSort('', 'name'), nextSort('name', 'name'), nextSort('-name', 'name'), nextSort('-name', 'when')]).toEqual(['name', '-name', '', 'when'])
    expect(sortOf('-password')).toBe('')
  })
})

describe('the form of a schedule', () => {
  it('takes the zone out of an expression and puts it in again', () => {
    expect(splitCron('CRON_TZ=Asia/Tokyo 0 3 * * *')).toEqual({ zone: 'Asia/Tokyo', cron: '0 3 * * *' })
    expect(splitCron('TZ=UTC @daily')).toEqual({ zone: 'UTC', cron: '@daily' })
    expect(joinCron({ zone: '', cron: ' @hourly ' })).toBe('@hourly')
  })

  it('asks for a time in the future and sends it as a moment', () => {
    const form = { ...scheduleForm(null), name: 'Once', template_id: 1, type: 'run_at' as const, run_at: localTime('2030-05-01T10:00:00Z'), delete_after_run: true }
    expect(checkSchedule(form, Date.parse('2031-01-01T00:00:00Z')).run_at).toContain('over')
    expect(checkSchedule(form, Date.parse('2029-01-01T00:00:00Z'))).toEqual({})
    expect(scheduleBody(form)).toMatchObject({ cron_format: '', run_at: '2030-05-01T10:00:00.000Z', delete_after_run: true })
  })
})
