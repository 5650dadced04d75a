import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import vuetify from 'vite-plugin-vuetify'
import { defineConfig } from 'vitest/config'
import { precompress } from './build/precompress.ts'

// `npm run dev` talks to a server that runs elsewhere on this machine.
const backend = process.env.SEMAPHORE_BACKEND ?? 'http://127.0.0.1:3000'

export default defineConfig({
  // Relative addresses: the page works under any sub-path that <base href> names.
  base: './',
  plugins: [vue(), vuetify({ autoImport: true, styles: true }), precompress({ minimumBytes: 1024 })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    sourcemap: false,
    chunkSizeWarningLimit: 400,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': { target: backend, ws: true } } },
  preview: { proxy: { '/api': { target: backend, ws: true } } },
  test: {
    environment: 'node',
    include: ['tests/**/*.spec.ts'],
    server: { deps: { inline: ['vuetify'] } },
  },
})
