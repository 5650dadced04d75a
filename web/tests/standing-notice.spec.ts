// @vitest-environment happy-dom
import { mount } from '@vue/test-utils'
import { afterEach, expect, it } from 'vitest'
import StandingNotice from '@/components/StandingNotice.vue'

afterEach(() => {
  document.head.innerHTML = ''
})

it('says on every page what the server has put into its head', () => {
  document.head.innerHTML = '<meta name="semaphore-notice" content="this is a rehearsal on a copy">'
  const banner = mount(StandingNotice)
  expect(banner.get('[role="status"]').text()).toBe('This is a rehearsal on a copy')
})

it('says nothing on an ordinary server', () => {
  expect(mount(StandingNotice).find('[role="status"]').exists()).toBe(false)
})
