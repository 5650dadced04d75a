/** Russian: the texts of the page, and those of Vuetify's own parts. */
import { ru } from 'vuetify/locale'
import texts from './ru.json'

export const widgets = ru
export { texts }
