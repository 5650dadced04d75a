import { api } from '@/api/endpoints'
import type { NamedObject, Repository, Task, TaskListItem, Template } from '@/api/types'
import { initialForm, type RunForm } from './request'

export interface LoadedRun {
  template: Template
  form: RunForm
  inventories: NamedObject[]
  /** Successful tasks of the build template, of which a deploy template takes one. */
  builds: TaskListItem[]
  /** Where the template's program comes from, if a run may name another branch of it. */
  repository: Repository | null
}

/** Reads what the form of a run of a template needs; `source` is the task, or the kept values, that it begins with. */
export async function loadRun(project: number, templateId: number, source: Partial<Task> | null): Promise<LoadedRun> {
  const template = await api.template(project, templateId)
  const [inventories, tasks, repositories] = await Promise.all([
    template.task_params?.allow_override_inventory ? api.inventories(project, template.app || 'ansible', templateId) : [],
    template.type === 'deploy' && template.build_template_id ? api.lastTasks(project, 50, template.build_template_id) : [],
    template.allow_override_branch_in_task ? api.repositories(project) : [],
  ])
  const builds = tasks.filter((task) => task.status === 'success')
  const form = initialForm(template, source)
  form.build ??= builds[0]?.id ?? null
  const repository = repositories.find((each) => each.id === template.repository_id) ?? null
  return { template, form, inventories, builds, repository }
}
