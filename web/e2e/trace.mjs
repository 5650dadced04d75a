// How long a page does not answer, out of a trace of Chromium: the longest task of its main thread.

/** What a machine that is busy with other things may take is so many times the goal; SLACK=1 looks at the goals themselves. */
export const slack = Number(process.env.SLACK ?? 2)

/** The goal for the longest task, in milliseconds. */
const GOAL = 100

/**
 * Does something and gives the longest task of the page meanwhile: `cpu`, the time that its thread has worked, and `wall`, which has in it what other
 * programs of the machine took. Prints both.
 */
export async function longestTask(browser, page, what, act) {
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] })
  let events
  try {
    await act()
  } finally {
    events = JSON.parse(await browser.stopTracing()).traceEvents
  }
  // The page's own thread is the one that has worked most.
  const mains = events.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain').map((event) => `${event.pid} ${event.tid}`)
  const tasks = grouped(events)
  const busiest = mains.map((main) => (tasks.get(main) ?? []).filter((event) => event.ph === 'X' && /RunTask$/.test(event.name))).sort((one, other) => worked(other) - worked(one))[0] ?? []
  const [cpu, wall] = ['tdur', 'dur'].map((field) => busiest.reduce((most, event) => Math.max(most, (event[field] ?? 0) / 1000), 0))
  console.log(`      (${what}: the longest of ${busiest.length} tasks worked ${cpu.toFixed(0)} ms, took ${wall.toFixed(0)} ms)`)
  if (busiest.length === 0) throw new Error('the trace has no task of the page')
  return { cpu, wall }
}

/** Fails if a task worked longer than the goal, with room for a slow machine. */
export function assertShort({ cpu }, goal = GOAL) {
  if (cpu > goal * slack) throw new Error(`a task of the page worked ${cpu.toFixed(0)} ms`)
}

const keyOf = (event) => `${event.pid} ${event.tid}`
const worked = (tasks) => tasks.reduce((sum, event) => sum + (event.tdur ?? 0), 0)

function grouped(events) {
  const groups = new Map()
  for (const event of events) {
    const key = keyOf(event)
    if (groups.has(key)) groups.get(key).push(event)
    else groups.set(key, [event])
  }
  return groups
}
