/** Calls about how long finished tasks are kept. */
import { request } from './client'

/** Limits for finished tasks; those beyond any of them go, the oldest first. Null: no such limit. */
export interface RetentionRule {
  max_age_days: number | null
  max_tasks: number | null
  /** Of output, before compression. */
  max_bytes: number | null
}

export interface ProjectRetention {
  project: RetentionRule
  templates: (RetentionRule & { template_id: number })[]
}

export const retentionApi = {
  rules: (project: number, signal?: AbortSignal) => request<ProjectRetention>('GET', `project/${project}/retention`, { signal }),
  /** Without a template: the rule of the whole project. A rule without limits takes the old one away. */
  set: (project: number, template: number | undefined, rule: RetentionRule) =>
    request<null>('PUT', template === undefined ? `project/${project}/retention` : `project/${project}/templates/${template}/retention`, { body: rule }),
}
