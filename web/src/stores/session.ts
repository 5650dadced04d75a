import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { ApiError } from '@/api/client'
import { api } from '@/api/endpoints'
import type { User } from '@/api/types'
import { liveSocket } from '@/live/socket'

/** What else a session has to prove. */
export type Factor = 'totp' | 'email'

/** Why the log-in page is shown to somebody who was signed in. */
export type Ending = 'expired' | 'password-changed'

/** Who is signed in. */
export const useSession = defineStore('session', () => {
  const user = shallowRef<User | null>(null)
  /** True once the server said whether there is a session. */
  const known = ref(false)
  /** Set when a session that worked is over without a sign-out: the login page says why. */
  const ending = ref<Ending | null>(null)
  /** The password was right, or a message was sent: a code has to follow. */
  const pending = ref<Factor | null>(null)

  const signedIn = computed(() => user.value !== null)

  /** Asks the server who this is, once. Rejects only if the server cannot be asked. */
  async function ensure(): Promise<boolean> {
    if (known.value) return signedIn.value
    try {
      user.value = await api.user()
    } catch (cause) {
      if (!(cause instanceof ApiError) || cause.status !== 401) throw cause
      user.value = null
      pending.value = wantedFactor(cause)
    }
    known.value = true
    return signedIn.value
  }

  /** Signs in with a password. If a code has to follow, `pending` says which. */
  async function login(auth: string, password: string): Promise<void> {
    await api.login(auth, password)
    await enter()
  }

  /** Has a code sent to the address of an account. */
  async function loginByEmail(email: string): Promise<void> {
    await api.loginByEmail(email)
    await enter()
  }

  async function verify(passcode: string): Promise<void> {
    await api.verify(passcode)
    await enter()
  }

  /** Signs in with a recovery code, which takes the one-time codes away. */
  async function recover(code: string): Promise<void> {
    await api.recover(code)
    await enter()
  }

  async function enter(): Promise<void> {
    try {
      user.value = await api.user()
    } catch (cause) {
      const factor = wantedFactor(cause)
      if (factor === null) throw cause
      pending.value = factor
      return
    }
    known.value = true
    ending.value = null
    pending.value = null
  }

  /** Reads the own account again after it was changed. */
  async function refresh(): Promise<void> {
    user.value = await api.user()
  }

  async function logout(): Promise<void> {
    await api.logout()
    forget()
  }

  /** The server refused the session. True if there was one, as far as this page knew. */
  function expire(): boolean {
    const had = signedIn.value
    if (had) ending.value = 'expired'
    forget()
    return had
  }

  /** The password was changed, which ended all sessions, this one too. */
  function leaveForNewPassword(): void {
    ending.value = 'password-changed'
    forget()
  }

  function forget(): void {
    user.value = null
    pending.value = null
    known.value = true
    // The server keeps an open socket of a session that has ended; we do not.
    liveSocket.close()
  }

  return {
    user,
    known,
    ending,
    pending,
    signedIn,
    ensure,
    login,
    loginByEmail,
    verify,
    recover,
    refresh,
    logout,
    expire,
    leaveForNewPassword,
  }
})

function wantedFactor(cause: unknown): Factor | null {
  if (!(cause instanceof ApiError) || cause.status !== 401) return null
  if (cause.serverMessage === 'TOTP_REQUIRED') return 'totp'
  return cause.serverMessage === 'EMAIL_OTP_REQUIRED' ? 'email' : null
}
