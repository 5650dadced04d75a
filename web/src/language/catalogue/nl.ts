/** Dutch: the texts of the page, and those of Vuetify's own parts. */
import { nl } from 'vuetify/locale'
import texts from './nl.json'

export const widgets = nl
export { texts }
