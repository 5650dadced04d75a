/** Portuguese: the texts of the page, and those of Vuetify's own parts. */
import { pt } from 'vuetify/locale'
import texts from './pt.json'

export const widgets = pt
export { texts }
