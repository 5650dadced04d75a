/** Portuguese of Brazil: the texts of the page, and those of Vuetify's own parts. */
import { pt } from 'vuetify/locale'
import texts from './pt-BR.json'

export const widgets = pt
export { texts }
