/** Japanese: the texts of the page, and those of Vuetify's own parts. */
import { ja } from 'vuetify/locale'
import texts from './ja.json'

export const widgets = ja
export { texts }
