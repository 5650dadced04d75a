import { createPinia } from 'pinia'
import { createApp, watch } from 'vue'
import App from './App.vue'
import { onUnanswered, onUnauthenticated } from './api/client'
import { preferred, useLanguage } from './language/choice'
import { t } from './language/translate'
import { askWhetherThere, onReturn } from './live/reach'
import { liveSocket } from './live/socket'
import { complain } from './page/notice'
import { vuetify } from './plugins/vuetify'
import { router } from './router'
import { useSession } from './stores/session'
import { useThemeChoice } from './stores/theme'
import './style/base.css'

const app = createApp(App)
app.use(createPinia())
app.use(vuetify)

const theme = useThemeChoice()
watch(
  () => theme.dark,
  (dark) => {
    vuetify.theme.change(dark ? 'dark' : 'light')
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light'
    document.documentElement.classList.toggle('dark', dark)
  },
  { immediate: true },
)

onUnauthenticated(() => {
  const session = useSession()
  const current = router.currentRoute.value
  if (session.expire() && !current.meta.public) {
    void router.replace({ name: 'login', query: { return: current.fullPath } })
  }
})

onUnanswered(() => void askWhetherThere())
window.addEventListener('offline', () => void askWhetherThere())
window.addEventListener('online', () => {
  void askWhetherThere()
  liveSocket.hurry()
})
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') liveSocket.hurry()
})

// After an update of the server, parts of the old page are gone from it: one reload brings the new page. Nothing would come from a
// server that is away.
window.addEventListener('vite:preloadError', async () => {
  const key = 'semaphore.reloaded'
  const last = Number(sessionStorage.getItem(key) ?? 0)
  if ((await askWhetherThere()) && Date.now() - last > 60_000) {
    sessionStorage.setItem(key, String(Date.now()))
    location.reload()
  }
})
router.onError((_cause, to, from) => {
  complain(t('This page could not be loaded. Check your connection and try again.'))
  const forget = onReturn(() => {
    forget()
    if (router.currentRoute.value.fullPath === from.fullPath) void router.push(to.fullPath)
  })
})

// The first words are already in the reader's language; English needs no fetching, and stands in for one that cannot be fetched.
await useLanguage(preferred(), vuetify).catch(() => undefined)

app.use(router)
app.mount('#app')
