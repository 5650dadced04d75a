/** Lines of logs without what differs from run to run and means nothing: times, how long something took, the task's number. */

const WEEKDAY = '(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?'
const MONTH = '(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)'
const CLOCK = '\\d{1,2}:\\d{2}:\\d{2}(?:[.,]\\d+)?'
const LENGTH = '(?:\\d+h)?(?:\\d+m(?=\\d))?\\d+(?:\\.\\d+)?\\s?(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\\b'

const RULES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b\\d{4}[-/]\\d{2}[-/]\\d{2}(?:[T ]${CLOCK}|[T ]\\d{2}:\\d{2})?(?:\\s?(?:Z\\b|[+-]\\d{2}:?\\d{2}\\b|UTC\\b|GMT\\b))?`, 'g'), '<time>'],
  [new RegExp(`\\b(?:${WEEKDAY},? )?(?:\\d{1,2} ${MONTH}|${MONTH} +\\d{1,2})(?:,? \\d{4})?\\b`, 'g'), '<date>'],
  [new RegExp(`\\b${CLOCK}(?:\\s?(?:[AP]M\\b|Z\\b|[+-]\\d{2}:?\\d{2}\\b|UTC\\b|GMT\\b|CES?T\\b))?`, 'g'), '<time>'],
  // Seconds and milliseconds since 1970, of the years 2017 to 2033.
  [/\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b/g, '<time>'],
  // A length counts as such only where words say so: `timeout 30s` is a setting.
  [new RegExp(`\\b(in|after|took|for|elapsed:?|duration:?|time:?|real|user|sys)(\\s+)${LENGTH}`, 'gi'), '$1$2<length>'],
  [new RegExp(`\\[${LENGTH} elapsed\\]`, 'g'), '[<length> elapsed]'],
  [/\b\d+\.\d+\s?(?:ms|s|secs?|seconds?)\b/g, '<length>'],
  [/^(Preparing|Started): \d+$/, '$1: <task>'],
  [/^(Task .*) \d+ added to queue$/, '$1 <task> added to queue'],
]

/** The line to compare instead of a line. */
export function normalLine(line: string): string {
  let result = line
  // Most rules need a digit, and most lines have none.
  if (/\d/.test(line)) for (const [rule, instead] of RULES) result = result.replace(rule, instead)
  return result.trimEnd()
}
