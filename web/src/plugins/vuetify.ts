import 'vuetify/styles/core'
import { createVuetify } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'

/** Colours of the two themes. Text on every coloured surface has a contrast of at least 4.5. */
export const vuetify = createVuetify({
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  theme: {
    defaultTheme: 'light',
    themes: {
      light: {
        dark: false,
        colors: {
          background: '#f4f6f8',
          surface: '#ffffff',
          primary: '#0b6e75',
          'on-primary': '#ffffff',
          secondary: '#42566a',
          success: '#126a42',
          error: '#b02622',
          warning: '#8f5f00',
          info: '#1c62a8',
          'on-surface': '#16222c',
          'on-background': '#16222c',
        },
        variables: { 'high-emphasis-opacity': 1, 'medium-emphasis-opacity': 0.7 },
      },
      dark: {
        dark: true,
        colors: {
          background: '#0d1317',
          surface: '#151d23',
          primary: '#56c8c8',
          'on-primary': '#06272a',
          secondary: '#9fb3c4',
          success: '#4cc38a',
          error: '#ff8078',
          warning: '#e3b341',
          info: '#75b8ff',
          'on-surface': '#e4ebf0',
          'on-background': '#e4ebf0',
        },
        variables: { 'high-emphasis-opacity': 1, 'medium-emphasis-opacity': 0.74 },
      },
    },
  },
  defaults: {
    VBtn: { variant: 'flat' },
    VCard: { variant: 'flat' },
    VTextField: { variant: 'outlined', density: 'comfortable', color: 'primary', hideDetails: 'auto' },
    VTextarea: { variant: 'outlined', density: 'comfortable', color: 'primary', hideDetails: 'auto' },
    VSelect: { variant: 'outlined', density: 'comfortable', color: 'primary', hideDetails: 'auto' },
    VAutocomplete: { variant: 'outlined', density: 'comfortable', color: 'primary', hideDetails: 'auto' },
    VCombobox: { variant: 'outlined', density: 'comfortable', color: 'primary', hideDetails: 'auto' },
    VCheckbox: { density: 'compact', color: 'primary', hideDetails: true },
    VAlert: { variant: 'tonal', density: 'comfortable' },
    VList: { density: 'compact', nav: true },
  },
})
