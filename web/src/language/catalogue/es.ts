/** Spanish: the texts of the page, and those of Vuetify's own parts. */
import { es } from 'vuetify/locale'
import texts from './es.json'

export const widgets = es
export { texts }
