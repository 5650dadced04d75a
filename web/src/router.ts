import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationRaw } from 'vue-router'
import { basePath } from '@/api/address'
import { startPage } from '@/launcher/start'
import { MANAGE_RESOURCES, MANAGE_USERS } from '@/role/permissions'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** May be seen without a session. */
    public?: boolean
    /** For administrators of the server only. */
    admin?: boolean
    /** Of a project's page that is for roles with this right only. */
    right?: number
  }
}

/** Numbers only: everything else is a page that does not exist. */
const number = (name: string) => (route: RouteLocationNormalized) => ({ [name]: Number(route.params[name]) })

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** Links of e-mails and chats carry the task in the query, as in `history?t=12`. */
function taskOfQuery(to: RouteLocationNormalized): RouteLocationRaw | true {
  const task = to.query.t
  return typeof task === 'string' && /^\d+$/.test(task)
    ? { name: 'task', params: { project: to.params.project, task } }
    : true
}

export const router = createRouter({
  history: createWebHistory(basePath()),
  routes: [
    { path: '/', redirect: { name: 'projects' } },
    { path: '/auth/login', name: 'login', component: () => import('@/views/LoginView.vue'), meta: { public: true } },
    { path: '/projects', name: 'projects', component: () => import('@/views/ProjectsView.vue') },
    { path: '/account', name: 'account', component: () => import('@/views/AccountView.vue') },
    { path: '/users', name: 'users', component: () => import('@/views/UsersView.vue'), meta: { admin: true } },
    { path: '/tasks', name: 'active-tasks', component: () => import('@/views/ActiveTasksView.vue'), meta: { admin: true } },
    { path: '/roles', name: 'global-roles', component: () => import('@/views/RolesView.vue'), meta: { admin: true } },
    { path: '/runners', name: 'runners', component: () => import('@/views/RunnersView.vue'), meta: { admin: true } },
    { path: '/apps', name: 'apps', component: () => import('@/views/AppsView.vue'), meta: { admin: true } },
    { path: '/system', name: 'system', component: () => import('@/views/SystemView.vue'), meta: { admin: true } },
    { path: '/project/new', redirect: { name: 'projects', query: { dialog: 'new' } } },
    { path: '/project/restore', redirect: { name: 'projects', query: { dialog: 'restore' } } },
    // Addresses of the Go server's page, which stand in bookmarks and in invitations.
    { path: '/tokens', redirect: { name: 'account', hash: '#tokens' } },
    { path: '/accept-invite/:token', name: 'accept-invite', component: () => import('@/views/AcceptInviteView.vue'), props: true },
    {
      path: '/project/:project(\\d+)',
      component: () => import('@/views/ProjectShell.vue'),
      props: number('project'),
      children: [
        { path: '', name: 'project', component: () => import('@/views/TemplatesView.vue'), beforeEnter: startPage },
        { path: 'launcher', name: 'launcher', component: () => import('@/views/LauncherView.vue') },
        { path: 'templates', name: 'templates', component: () => import('@/views/TemplatesView.vue') },
        { path: 'views/:view(\\d+)/templates', name: 'view', component: () => import('@/views/TemplatesView.vue'), props: number('view') },
        {
          path: 'templates/new',
          name: 'template-new',
          component: () => import('@/views/TemplateEditView.vue'),
          meta: { right: MANAGE_RESOURCES },
          props: (route) => ({ app: text(route.query.app), copy: /^\d+$/.test(text(route.query.copy) ?? '') ? Number(route.query.copy) : undefined }),
        },
        { path: 'templates/:template(\\d+)/edit', name: 'template-edit', component: () => import('@/views/TemplateEditView.vue'), props: number('template') },
        {
          path: 'views/:view(\\d+)/templates/:template(\\d+)/:tab(tasks|details|perms)?',
          redirect: (to) => ({ name: 'template', params: { project: to.params.project, template: to.params.template, tab: to.params.tab }, query: to.query }),
        },
        {
          path: 'templates/:template(\\d+)/:tab(tasks|details|schedules|workspaces|alerts|perms|retention)?',
          name: 'template',
          component: () => import('@/views/TemplateView.vue'),
          props: (route) => ({ template: Number(route.params.template), tab: text(route.params.tab) || 'tasks' }),
          beforeEnter: taskOfQuery,
        },
        {
          path: 'history',
          name: 'history',
          component: () => import('@/views/HistoryView.vue'),
          beforeEnter: taskOfQuery,
        },
        { path: 'stats', name: 'statistics', component: () => import('@/views/StatisticsView.vue') },
        { path: 'secret_storages', name: 'secret-storages', component: () => import('@/views/SecretStoragesView.vue') },
        { path: 'roles', name: 'roles', component: () => import('@/views/RolesView.vue') },
        { path: 'keys', name: 'keys', component: () => import('@/views/KeysView.vue') },
        { path: 'repositories', name: 'repositories', component: () => import('@/views/RepositoriesView.vue') },
        { path: 'inventory', name: 'inventory', component: () => import('@/views/InventoriesView.vue') },
        { path: 'inventory/:inventory(\\d+)/states', name: 'states', component: () => import('@/views/StatesView.vue'), props: number('inventory') },
        { path: 'environment', name: 'environment', component: () => import('@/views/VariablesView.vue') },
        { path: 'schedule', name: 'schedule', component: () => import('@/views/SchedulesView.vue') },
        { path: 'runners', name: 'project-runners', component: () => import('@/views/ProjectRunnersView.vue') },
        { path: 'team', name: 'team', component: () => import('@/views/TeamView.vue') },
        { path: 'invites', name: 'invites', component: () => import('@/views/InvitesView.vue'), meta: { right: MANAGE_USERS } },
        { path: 'activity', name: 'activity', component: () => import('@/views/ActivityView.vue') },
        { path: 'integrations', name: 'integrations', component: () => import('@/views/IntegrationsView.vue') },
        { path: 'integrations/:integration(\\d+)', name: 'integration', component: () => import('@/views/IntegrationView.vue'), props: number('integration') },
        { path: 'settings', name: 'settings', component: () => import('@/views/SettingsView.vue') },
        {
          path: 'tasks/:task(\\d+)',
          name: 'task',
          component: () => import('@/views/TaskView.vue'),
          props: number('task'),
        },
        {
          path: 'tasks/:task(\\d+)/compare/:other(\\d+)?',
          name: 'compare',
          component: () => import('@/views/CompareView.vue'),
          props: (route) => ({ task: Number(route.params.task), other: route.params.other ? Number(route.params.other) : null }),
        },
      ],
    },
    { path: '/:path(.*)*', name: 'not-found', component: () => import('@/views/NotFoundView.vue'), meta: { public: true } },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

router.beforeEach(async (to) => {
  const session = useSession()
  if (to.meta.public && to.name !== 'login') return true
  let signedIn: boolean
  try {
    signedIn = await session.ensure()
  } catch {
    // The server cannot be asked. The page is opened: its own error state says why and offers to try again.
    askAgain()
    return true
  }
  if (to.name === 'login') return signedIn ? wanted(to.query.return) : true
  // Nothing there is for anybody else, and every request of those pages would be refused.
  if (signedIn && to.meta.admin && session.user?.admin !== true) return { name: 'projects' }
  return signedIn ? true : { name: 'login', query: to.fullPath === '/' || to.fullPath === '/projects' ? {} : { return: to.fullPath } }
})

/** As long as nobody knows who this is, the page has no head and no navigation. */
let again: ReturnType<typeof setTimeout> | undefined
function askAgain(): void {
  again ??= setTimeout(async () => {
    again = undefined
    const current = router.currentRoute.value
    try {
      if (!(await useSession().ensure()) && !current.meta.public) await router.replace({ name: 'login', query: { return: current.fullPath } })
    } catch {
      askAgain()
    }
  }, 3000)
}

/** The page that was asked for before the login; never one of another site. */
export function wanted(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])/.test(asked) && !asked.startsWith('/auth/') ? asked : '/projects'
}
