import { describe, expect, it } from 'vitest'
import type { Delivery } from '@/api/integrations'
import { outcomeLook, readableBody, replayed, size } from '@/integration/delivery'

const delivery = (fields: Partial<Delivery>): Delivery => ({
  id: 2,
  received: '2026-03-10T15:00:00Z',
  address: '127.0.0.1',
  alias: 'abc',
  method: 'POST',
  status: null,
  duration_ms: 3,
  body_bytes: 2,
  outcome: 'started',
  message: '',
  task_id: 7,
  replay_of: 1,
  user_id: 1,
  ...fields,
})

describe('what came to an integration', () => {
  it('has a word for every outcome, and shows one it does not know', () => {
    expect(outcomeLook('refused')).toEqual({ label: 'Refused', tone: 'attention' })
    expect(outcomeLook('of a later server')).toEqual({ label: 'of a later server', tone: 'quiet' })
  })

  it('shows JSON with indentation and anything else as it came', () => {
    const body = (text: string | null, base64 = false) => readableBody({ body: text, body_is_base64: base64 })
    expect(body('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}')
    expect(body('payload=%7B%7D')).toBe('payload=%7B%7D')
    expect(body('1.0')).toBe('1.0')
    expect(body('e30=', true)).toBe('e30=')
    expect(body(null)).toBe('')
  })

  it('tells sizes', () => {
    expect([1, 812, 2048, 3 * 1024 * 1024].map(size)).toEqual(['1 byte', '812 bytes', '2.0 KiB', '3.0 MiB'])
  })

  it('says what a repetition did', () => {
    expect(replayed(delivery({}))).toBe('Repeated: task 7 was started.')
    expect(replayed(delivery({ outcome: 'no_match', task_id: null, message: 'its rule `Branch` is not met' }))).toBe('Repeated: its rule `Branch` is not met.')
    expect(replayed(delivery({ outcome: 'failed', task_id: null }))).toBe('Repeated: Failed.')
  })
})
