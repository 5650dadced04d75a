/** Korean: the texts of the page, and those of Vuetify's own parts. */
import { ko } from 'vuetify/locale'
import texts from './ko.json'

export const widgets = ko
export { texts }
