import { t } from '@/language/translate'

const NAMES: Record<string, string> = {
  ansible: 'Ansible',
  terraform: 'Terraform',
  tofu: 'OpenTofu',
  terragrunt: 'Terragrunt',
  bash: 'Bash',
  python: 'Python',
  powershell: 'PowerShell',
  pulumi: 'Pulumi',
}

/** Name of an app for people. A template without an app is an Ansible one; apps of the administrator keep their own id. */
export function appName(app: string | undefined): string {
  const id = app || 'ansible'
  return NAMES[id] ?? id
}

/** What the `playbook` field of a template means for its app. */
export function playbookLabel(app: string | undefined): string {
  const id = app || 'ansible'
  if (id === 'ansible') return t('Playbook')
  return id === 'terraform' || id === 'tofu' || id === 'terragrunt' || id === 'pulumi' ? t('Directory') : t('Script')
}
