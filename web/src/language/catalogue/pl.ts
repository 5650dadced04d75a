/** Polish: the texts of the page, and those of Vuetify's own parts. */
import { pl } from 'vuetify/locale'
import texts from './pl.json'

export const widgets = pl
export { texts }
