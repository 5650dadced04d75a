/** French: the texts of the page, and those of Vuetify's own parts. */
import { fr } from 'vuetify/locale'
import texts from './fr.json'

export const widgets = fr
export { texts }
