/** What the command palette offers: only what its person may open or do. */
import type { RouteLocationRaw } from 'vue-router'
import type { Project, Template, User } from '@/api/types'
import { phrase, t } from '@/language/translate'
import { isSet, MANAGE_RESOURCES, MANAGE_USERS, RUN_TASKS } from '@/role/permissions'
import { folded, fuzzy } from './fuzzy'

export type EntryKind = 'page' | 'template' | 'run' | 'project' | 'administration' | 'account'

export interface Entry {
  /** Names it among the recent ones, over reloads of the page. */
  readonly key: string
  readonly kind: EntryKind
  readonly title: string
  /** The project it belongs to, or what it is about. */
  readonly about?: string
  /** Of a template. */
  readonly app?: string
  /** Where it leads. */
  readonly to?: RouteLocationRaw
  /** The template it runs. */
  readonly run?: { readonly template: number; readonly name: string }
}

export interface PaletteContext {
  readonly projects: readonly Project[]
  /** The open project, what its person may do in it, and its templates. */
  readonly project: Project | null
  readonly permissions: number
  /** Whether the launcher has something for this person. */
  readonly launches: boolean
  readonly templates: readonly Template[]
  /** Whether the server gives tasks to runners of single projects. */
  readonly projectRunners: boolean
  readonly user: User | null
}

const KIND_WORDS = {
  page: phrase('Page'),
  template: phrase('Template'),
  run: phrase('Run'),
  project: phrase('Project'),
  administration: phrase('Administration'),
  account: phrase('Account'),
} as const

/** What an entry is, for people. */
export const kindWord = (kind: EntryKind): string => t(KIND_WORDS[kind])

const PROJECT_PAGES: readonly { name: string; title: string; words?: string; right?: number; runners?: true }[] = [
  { name: 'templates', title: phrase('Templates') },
  { name: 'history', title: phrase('History'), words: phrase('tasks') },
  { name: 'statistics', title: phrase('Statistics') },
  { name: 'schedule', title: phrase('Schedules'), words: phrase('cron') },
  { name: 'inventory', title: phrase('Inventories'), words: phrase('hosts') },
  { name: 'environment', title: phrase('Variable groups'), words: phrase('environment') },
  { name: 'keys', title: phrase('Keys'), words: phrase('key store, credentials') },
  { name: 'secret-storages', title: phrase('Secret storages'), words: phrase('vault') },
  { name: 'repositories', title: phrase('Repositories'), words: phrase('git') },
  { name: 'integrations', title: phrase('Integrations'), words: phrase('webhooks') },
  { name: 'project-runners', title: phrase('Runners'), runners: true },
  { name: 'team', title: phrase('Team'), words: phrase('members') },
  { name: 'invites', title: phrase('Invitations'), right: MANAGE_USERS },
  { name: 'roles', title: phrase('Roles') },
  { name: 'activity', title: phrase('Activity'), words: phrase('events') },
  { name: 'settings', title: phrase('Settings') },
]

const ADMINISTRATION: readonly { name: string; title: string; words?: string }[] = [
  { name: 'users', title: phrase('Users') },
  { name: 'global-roles', title: phrase('Roles of all projects') },
  { name: 'active-tasks', title: phrase('Running tasks') },
  { name: 'runners', title: phrase('Runners') },
  { name: 'apps', title: phrase('Apps') },
  { name: 'system', title: phrase('System'), words: phrase('options, cache') },
]

/** Everything there is, in the order of an empty query: pages, what can be run, templates, projects, the rest. */
export function entriesOf(context: PaletteContext): Entry[] {
  const entries: Entry[] = []
  const { project, user } = context
  if (project !== null) {
    const params = { project: project.id }
    if (context.launches) entries.push({ key: `page/${project.id}/launcher`, kind: 'page', title: t('Launcher'), about: project.name, to: { name: 'launcher', params } })
    for (const page of PROJECT_PAGES) {
      if (page.runners && !context.projectRunners) continue
      if (page.right !== undefined && !isSet(context.permissions, page.right)) continue
      entries.push({ key: `page/${project.id}/${page.name}`, kind: 'page', title: t(page.title), about: page.words && t(page.words), to: { name: page.name, params } })
    }
    for (const template of context.templates) {
      // A role may do more with a template than in the rest of the project.
      if (!isSet(context.permissions, RUN_TASKS) && !isSet(template.permissions, RUN_TASKS)) continue
      entries.push({ key: `run/${project.id}/${template.id}`, kind: 'run', title: t('Run {name}', { name: template.name }), app: template.app ?? '', run: { template: template.id, name: template.name } })
    }
    for (const template of context.templates) {
      const own = { ...params, template: template.id }
      entries.push({ key: `template/${project.id}/${template.id}`, kind: 'template', title: template.name, about: template.description ?? undefined, app: template.app ?? '', to: { name: 'template', params: own } })
      if (isSet(context.permissions, MANAGE_RESOURCES) || isSet(template.permissions, MANAGE_RESOURCES)) {
        entries.push({ key: `edit/${project.id}/${template.id}`, kind: 'template', title: t('Change {name}', { name: template.name }), app: template.app ?? '', to: { name: 'template-edit', params: own } })
      }
    }
  }
  entries.push({ key: 'projects', kind: 'project', title: t('All projects'), to: { name: 'projects' } })
  for (const each of context.projects) {
    if (each.id !== project?.id) entries.push({ key: `project/${each.id}`, kind: 'project', title: each.name || t('Project {id}', { id: each.id }), to: { name: 'project', params: { project: each.id } } })
  }
  if (user?.admin) {
    for (const page of ADMINISTRATION) entries.push({ key: `administration/${page.name}`, kind: 'administration', title: t(page.title), about: page.words && t(page.words), to: { name: page.name } })
  }
  if (user !== null) entries.push({ key: 'account', kind: 'account', title: t('Your account'), about: t('password, one-time codes, API tokens'), to: { name: 'account' } })
  return entries
}

/** The key of the entry that leads to an address, to note what was visited. */
export function keyOfRoute(name: unknown, params: Record<string, unknown>): string | null {
  const project = Number(params.project)
  if (name === 'account' || name === 'projects') return name
  if (name === 'template') return `template/${project}/${Number(params.template)}`
  if (name === 'launcher' || PROJECT_PAGES.some((page) => page.name === name)) return `page/${project}/${String(name)}`
  return ADMINISTRATION.some((page) => page.name === name) ? `administration/${String(name)}` : null
}

export interface Hit {
  readonly entry: Entry
  /** Which characters of the title were meant. */
  readonly at: readonly number[]
}

export interface Section {
  /** Empty: the hits of a query, the best first. */
  readonly title: string
  /** Of several kinds: each hit says of which it is. */
  readonly mixed: boolean
  readonly hits: readonly Hit[]
}

/** More than anybody looks through. */
const MOST_HITS = 60
/** Of each kind before anything is typed. */
const FIRST_OF_KIND = 6
const MOST_RECENT = 7
/** What makes a recent entry better than others that are as good. */
const RECENT_BONUS = 24

/** What is shown for a query. `recent` are keys, the latest first; `here` is the key of the page that is open. */
export function sectionsFor(entries: readonly Entry[], query: string, recent: readonly string[], here: string | null): Section[] {
  return query.trim() === '' ? browse(entries, recent, here) : found(entries, folded(query), recent)
}

function browse(entries: readonly Entry[], recent: readonly string[], here: string | null): Section[] {
  const byKey = new Map(entries.map((entry) => [entry.key, entry]))
  const last = recent.flatMap((key) => (key === here ? [] : (byKey.get(key) ?? []))).slice(0, MOST_RECENT)
  const shown = new Set(last)
  const sections: Section[] = [{ title: t('Recent'), mixed: true, hits: last.map(asHit) }]
  for (const kind of ['page', 'run', 'template', 'project', 'administration', 'account'] as const) {
    const ofKind = entries.filter((entry) => entry.kind === kind && !shown.has(entry) && !entry.key.startsWith('edit/'))
    sections.push({ title: kindWord(kind), mixed: false, hits: (kind === 'page' ? ofKind : ofKind.slice(0, FIRST_OF_KIND)).map(asHit) })
  }
  return sections.filter((section) => section.hits.length > 0)
}

const asHit = (entry: Entry): Hit => ({ entry, at: [] })

/** Folded once, and not for every letter that is typed. */
const texts = new WeakMap<Entry, { title: string; whole: string }>()
function foldedTexts(entry: Entry): { title: string; whole: string } {
  const known = texts.get(entry)
  if (known) return known
  const title = folded(entry.title)
  const made = { title, whole: entry.about ? `${title} ${folded(entry.about)}` : title }
  texts.set(entry, made)
  return made
}

function found(entries: readonly Entry[], query: string, recent: readonly string[]): Section[] {
  const ranked: { entry: Entry; at: readonly number[]; score: number; order: number }[] = []
  for (const [order, entry] of entries.entries()) {
    const { title, whole } = foldedTexts(entry)
    // What stands behind the title counts less, and is not marked.
    const inTitle = fuzzy(query, title)
    const anywhere = inTitle ?? (whole === title ? null : fuzzy(query, whole))
    if (anywhere === null) continue
    const place = recent.indexOf(entry.key)
    ranked.push({
      entry,
      at: inTitle === null ? [] : inTitle.at,
      score: anywhere.score - (inTitle === null ? 50 : 0) + (place === -1 ? 0 : RECENT_BONUS - Math.min(place, 12)),
      order,
    })
  }
  ranked.sort((one, other) => other.score - one.score || one.order - other.order)
  return ranked.length === 0 ? [] : [{ title: '', mixed: true, hits: ranked.slice(0, MOST_HITS).map(({ entry, at }) => ({ entry, at })) }]
}
