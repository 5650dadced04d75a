import { describe, expect, it } from 'vitest'
import { contents, fileName, hasSecrets, readBackup } from '@/backup/document'
import { permissionWords, slugOf } from '@/role/permissions'

describe('a backup in a file', () => {
  it('is refused in words if it is none', () => {
    for (const text of ['', 'no JSON', '[]', '{}', '{"meta": []}', '{"meta": {"name": 3}}', 'null']) expect(() => readBackup(text)).toThrow(/^This file is/)
    expect(readBackup('{"meta": {"name": "A"}}').meta.name).toBe('A')
  })

  it('says what is in it', () => {
    expect(contents(readBackup('{"meta": {"name": "A"}, "templates": [{}, {}], "keys": [{}], "views": null}'))).toBe('2 templates, 1 key')
    expect(contents(readBackup('{"meta": {"name": "A"}}'))).toBe('nothing but its settings')
  })

  it('says whether secrets have to be entered again', () => {
    const has = (parts: object) => hasSecrets(readBackup(JSON.stringify({ meta: { name: 'A' }, ...parts })))
    expect(has({ keys: [{ type: 'none' }, { type: 'ssh', source_storage_type: 'env' }] })).toBe(false)
    expect(has({ keys: [{ type: 'ssh' }] })).toBe(true)
    expect(has({ environments: [{ secrets: [{ name: 'a' }] }] })).toBe(true)
  })

  it('has a name that every system takes', () => {
    const day = new Date('2026-03-10T00:30:00Z')
    expect(fileName('../Ärger & Söhne/prod', day)).toBe('backup-A-rger-So-hne-prod-2026-03-10.json')
    expect(fileName('项目', day)).toBe('backup-project-2026-03-10.json')
  })
})

describe('roles', () => {
  it('are told in words', () => {
    expect(permissionWords(0)).toBe('Looks only')
    expect(permissionWords(9)).toBe('Run tasks, manage members')
  })

  it('have a slug that the server takes', () => {
    expect(slugOf('  Night Shift (Süd) ')).toMatch(/^[a-z0-9_-]{1,50}$/)
    expect(slugOf('x'.repeat(80))).toHaveLength(50)
  })
})
