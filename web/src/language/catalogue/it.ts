/** Italian: the texts of the page, and those of Vuetify's own parts. */
import { it } from 'vuetify/locale'
import texts from './it.json'

export const widgets = it
export { texts }
