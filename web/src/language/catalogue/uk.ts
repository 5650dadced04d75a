/** Ukrainian: the texts of the page, and those of Vuetify's own parts. */
import { uk } from 'vuetify/locale'
import texts from './uk.json'

export const widgets = uk
export { texts }
