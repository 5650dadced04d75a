import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { ApiError } from '@/api/client'
import { api } from '@/api/endpoints'
import type { User } from '@/api/types'
import { liveSocket } from '@/live/socket'

/** Who is signed in. */
export const useSession = defineStore('session', () => {
  const user = shallowRef<User | null>(null)
  /** True once the server said whether there is a session. */
  const known = ref(false)
  /** Set when a session that worked was refused: the login page says so. */
  const expired = ref(false)

  const signedIn = computed(() => user.value !== null)

  /** Asks the server who this is, once. Rejects only if the server cannot be asked. */
  async function ensure(): Promise<boolean> {
    if (known.value) return signedIn.value
    try {
      user.value = await api.user()
    } catch (cause) {
      if (!(cause instanceof ApiError) || cause.status !== 401) throw cause
      user.value = null
    }
    known.value = true
    return signedIn.value
  }

  /** `second-factor`: the password was right, a code has to follow. */
  async function login(auth: string, password: string): Promise<'signed-in' | 'second-factor'> {
    await api.login(auth, password)
    return enter()
  }

  async function verify(passcode: string): Promise<void> {
    await api.verify(passcode)
    await enter()
  }

  async function enter(): Promise<'signed-in' | 'second-factor'> {
    try {
      user.value = await api.user()
    } catch (cause) {
      if (cause instanceof ApiError && cause.serverMessage === 'TOTP_REQUIRED') return 'second-factor'
      throw cause
    }
    known.value = true
    expired.value = false
    return 'signed-in'
  }

  async function logout(): Promise<void> {
    await api.logout()
    forget()
  }

  /** The server refused the session. True if there was one, as far as this page knew. */
  function expire(): boolean {
    const had = signedIn.value
    if (had) expired.value = true
    forget()
    return had
  }

  function forget(): void {
    user.value = null
    known.value = true
    // The server keeps an open socket of a session that has ended; we do not.
    liveSocket.close()
  }

  return { user, known, expired, signedIn, ensure, login, verify, logout, expire }
})
