/** Simplified Chinese: the texts of the page, and those of Vuetify's own parts. */
import { zhHans } from 'vuetify/locale'
import texts from './zh-CN.json'

export const widgets = zhHans
export { texts }
