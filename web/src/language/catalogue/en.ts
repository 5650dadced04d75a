/** English words that mean several things: what their keys say in brackets tells them apart for the translators. */
export const ENGLISH: Readonly<Record<string, string>> = {
  'Key (in a document)': 'Key',
  'Always (time)': 'Always',
  'Open (invitation)': 'Open',
  'None (key)': 'None',
  'Nothing (order)': 'Nothing',
  'Keys (of the keyboard)': 'Keys',
}
