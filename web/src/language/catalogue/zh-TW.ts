/** Traditional Chinese: the texts of the page, and those of Vuetify's own parts. */
import { zhHant } from 'vuetify/locale'
import texts from './zh-TW.json'

export const widgets = zhHant
export { texts }
