/** German: the texts of the page, and those of Vuetify's own parts. */
import { de } from 'vuetify/locale'
import texts from './de.json'

export const widgets = de
export { texts }
