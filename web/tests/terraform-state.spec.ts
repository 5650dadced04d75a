import { describe, expect, it } from 'vitest'
import { factsOfState, HIDDEN, parseState, resourceChanges, stateLines } from '@/terraform/state'

const state = {
  version: 4,
  terraform_version: '1.10.1',
  serial: 7,
  lineage: 'abc',
  outputs: { address: { value: '10.0.0.1', type: 'string' }, password: { value: 'geheim-1', type: 'string', sensitive: true } },
  resources: [
    {
      mode: 'managed', type: 'random_password', name: 'admin', provider: 'p',
      instances: [{
        attributes: { length: 12, result: 'geheim-2', nested: [{ token: 'geheim-3', name: 'x' }], none: null },
        private: 'geheim-4',
        sensitive_attributes: [
          [{ type: 'get_attr', value: 'result' }],
          [{ type: 'get_attr', value: 'nested' }, { type: 'index', value: { value: 0, type: 'number' } }, { type: 'get_attr', value: 'token' }],
          [{ type: 'get_attr', value: 'none' }],
          [{ type: 'get_attr', value: 'missing' }, { type: 'get_attr', value: 'further' }],
        ],
      }],
    },
    { module: 'module.web', mode: 'managed', type: 'server', name: 'node', provider: 'p', instances: [{ index_key: 0, attributes: { size: 1 } }, { index_key: 'b', attributes: { size: 1 } }] },
    { mode: 'data', type: 'image', name: 'latest', provider: 'p', instances: [{ attributes: {} }] },
  ],
}
const text = JSON.stringify(state)
const parsed = (value: unknown = state) => parseState(JSON.stringify(value)) ?? {}

describe('a state', () => {
  it('is told in a few figures', () => {
    expect(factsOfState(parsed())).toEqual({ serial: '7', program: '1.10.1', lineage: 'abc', resources: 4, outputs: 2 })
  })

  it('is shown without secrets until they are asked for', () => {
    const hidden = stateLines(parsed(), true).join('\n')
    expect(hidden).not.toContain('geheim')
    expect(hidden.split(HIDDEN)).toHaveLength(5)
    expect(hidden).toContain('10.0.0.1')
    expect(hidden).toContain('"none": null')
    expect(stateLines(parsed(), false).join('\n').match(/geheim-\d/g)).toEqual(['geheim-1', 'geheim-2', 'geheim-3', 'geheim-4'])
  })

  it.each([['', null], ['[]', null], ['{', null], [undefined, null]])('is not %j', (wrong, expected) => {
    expect(parseState(wrong)).toBe(expected)
  })

  it('may lack everything', () => {
    expect(factsOfState(parsed({ resources: 'x', outputs: [] }))).toMatchObject({ serial: '–', resources: 0, outputs: 0 })
    expect(stateLines(parsed({ resources: [null, { instances: [{ sensitive_attributes: 'x' }] }] }), true).length).toBeGreaterThan(1)
  })
})

it('two states differ by resources and outputs, also by hidden values', () => {
  const now = JSON.parse(text) as typeof state
  now.serial = 8
  now.outputs.password.value = 'geheim-9'
  now.resources[1]?.instances.splice(0, 1)
  now.resources[1]?.instances.push({ index_key: 'c', attributes: { size: 1 } } as never)
  expect(resourceChanges(parsed(), parsed(now))).toEqual([
    { address: 'module.web.server.node["c"]', kind: 'added' },
    { address: 'module.web.server.node[0]', kind: 'removed' },
    { address: 'output.password', kind: 'changed' },
  ])
  expect(resourceChanges(parsed(), parsed({ ...state, serial: 9 }))).toEqual([])
})
