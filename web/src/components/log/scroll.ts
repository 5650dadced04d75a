import { computed, nextTick, onMounted, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { Geometry, ROW, type Anchor } from '@/log/geometry'

/** Rows that are drawn above and below the view. */
const OVERSCAN = 24
/** Within so many pixels of the end the reader stands at the end. */
const NEAR_END = 12
/** A step of more views than this is one of the scroll bar, not of a wheel or a key. */
const JUMP = 4
/** So long after the last step the scroll bar is put where it belongs. */
const SETTLE_MS = 150

/**
 * Which rows of a long list are drawn, and where. While a wheel or a finger moves it, a pixel is a pixel; where the scroll bar
 * stands for more (a million lines, wrapped lines whose height nobody knows) it is put right afterwards, without anything
 * moving on the screen. Its thumb leads to the same part of the log.
 */
export function useLogScroll(
  scroller: Ref<HTMLElement | null>,
  sheet: Ref<HTMLElement | null>,
  options: { lines: Ref<number>; wrap: Ref<boolean>; /** Height of a wrapped line on average. */ wrapped: () => number },
) {
  const { lines, wrap } = options
  const view = ref(0)
  const row = ref(ROW)
  const follow = ref(true)
  const range = shallowRef({ from: 0, to: 0 })
  /** Where the first drawn row begins, in pixels of what is scrolled. */
  const top = ref(0)
  const geometry = computed(() => new Geometry(lines.value, row.value, view.value))
  let anchor: Anchor = { line: 0, shift: 0 }
  /** The last line is to end at the lower edge. */
  let bottom = false
  let last = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let touched = false

  const isExact = () => !wrap.value && !geometry.value.scaled

  /** `then` is called when the rows are where they belong. */
  function draw(then: () => void = () => undefined) {
    const element = scroller.value
    if (!element) return
    const count = Math.ceil(view.value / ROW) + 1
    if (bottom) anchor = wrap.value ? { line: Math.max(0, lines.value - count), shift: 0 } : geometry.value.anchorAt(geometry.value.end)
    if (anchor.line >= lines.value) anchor = { line: Math.max(0, lines.value - 1), shift: 0 }
    const from = Math.max(0, anchor.line - OVERSCAN)
    const to = Math.min(lines.value, anchor.line + count + OVERSCAN)
    if (from !== range.value.from || to !== range.value.to) range.value = { from, to }
    if (wrap.value) {
      void nextTick(() => {
        place()
        then()
      })
    } else {
      top.value = isExact() ? from * ROW : element.scrollTop - anchor.shift - (anchor.line - from) * ROW
      then()
    }
  }

  /** Wrapped rows have a height when they are drawn. */
  function place() {
    const [element, rows] = [scroller.value, sheet.value]
    if (!wrap.value || !element || !rows) return
    const at = element.scrollTop
    const height = rows.offsetHeight
    const { from, to } = range.value
    const anchored = rows.children[anchor.line - from] as HTMLElement | undefined
    let wanted = at - anchor.shift - (anchored?.offsetTop ?? 0)
    const isShort = from === 0 && to === lines.value && height <= view.value
    if (to === lines.value && (bottom || wanted + height < at + view.value)) wanted = at + view.value - height
    if (isShort || (from === 0 && wanted > at)) wanted = isShort ? 0 : at
    top.value = wanted
    anchor = anchorIn(at - wanted)
  }

  /** What is at a height of the drawn rows, or would be if there were more of them. */
  function anchorIn(y: number): Anchor {
    const { from, to } = range.value
    const rows = sheet.value
    if (wrap.value && rows && y >= 0 && y < rows.offsetHeight) {
      const heights = Array.from(rows.children) as HTMLElement[]
      const at = heights.findIndex((each) => each.offsetTop + each.offsetHeight > y)
      if (at >= 0) return { line: from + at, shift: y - (heights[at]?.offsetTop ?? 0) }
    }
    const below = wrap.value && rows && y >= 0 ? y - rows.offsetHeight : y
    const line = (wrap.value && y >= 0 ? to : from) + Math.floor(below / row.value)
    return line < 0 ? { line: 0, shift: 0 } : { line, shift: below - Math.floor(below / row.value) * row.value }
  }

  /** Pixels of the log below the view; many if its end is not drawn. */
  function below(): number {
    const element = scroller.value
    if (!element) return 0
    if (!wrap.value) return (lines.value - anchor.line) * ROW - anchor.shift - view.value
    return range.value.to < lines.value ? Infinity : top.value + (sheet.value?.offsetHeight ?? 0) - element.scrollTop - view.value
  }

  function scrolled() {
    const element = scroller.value
    if (!element) return
    const at = element.scrollTop
    const moved = at - last
    last = at
    if (moved === 0) return
    const { end } = geometry.value
    bottom = false
    if (isExact()) anchor = geometry.value.anchorAt(at)
    else if (Math.abs(moved) <= JUMP * view.value) anchor = anchorIn(at - top.value)
    else if (at >= end - 1) bottom = true
    else anchor = geometry.value.anchorAt(at)
    if (!bottom && !wrap.value && below() < 0) bottom = true
    draw(() => stand(at, moved))
  }

  function stand(at: number, moved: number) {
    if (bottom || below() <= NEAR_END) follow.value = true
    else if (moved < -1 || !isExact()) follow.value = false
    if (isExact()) return
    // Where the bar has no way left and the log has, it is put right at once.
    if ((at <= 0 && anchor.line > 0) || (at >= geometry.value.end && !follow.value)) settle()
    else settleSoon()
  }

  function settleSoon() {
    clearTimeout(timer)
    timer = setTimeout(() => (touched ? settleSoon() : settle()), SETTLE_MS)
  }

  function settle() {
    const element = scroller.value
    if (!element || isExact()) return
    const { end } = geometry.value
    const isStart = anchor.line === 0 && anchor.shift === 0
    // At its ends the bar stands only if the log does.
    const inside = Math.max(Math.min(2, end), Math.min(geometry.value.placeOf(anchor), end - 2))
    const wanted = bottom || below() <= 0 ? end : isStart ? 0 : inside
    if (Math.abs(wanted - element.scrollTop) < 2) return
    moveTo(wanted)
  }

  function moveTo(wanted: number) {
    const element = scroller.value
    if (!element) return
    element.scrollTop = wanted
    last = element.scrollTop
    draw()
  }

  function toEnd() {
    bottom = true
    moveTo(geometry.value.end + view.value)
  }

  function toStart() {
    bottom = false
    follow.value = false
    anchor = { line: 0, shift: 0 }
    moveTo(0)
  }

  function jumpToEnd() {
    follow.value = true
    void nextTick(toEnd)
    scroller.value?.focus({ preventScroll: true })
  }

  /** Brings a line to the middle of the view. */
  function show(index: number) {
    if (index >= lines.value) return
    follow.value = false
    bottom = false
    const above = (view.value - ROW) / 2
    const rows = Math.floor(above / row.value)
    const at = wrap.value ? (index - rows) * row.value : index * ROW - above
    anchor = { line: Math.max(0, Math.floor(at / row.value)), shift: 0 }
    if (!wrap.value) anchor = { ...anchor, shift: Math.max(0, at - anchor.line * ROW) }
    if (!wrap.value && below() < 0) anchor = geometry.value.anchorAt(geometry.value.end)
    moveTo(geometry.value.placeOf(anchor))
  }

  function isVisible(index: number): boolean {
    const [element, drawn] = [scroller.value, sheet.value?.children[index - range.value.from] as HTMLElement | undefined]
    if (!element || !drawn) return false
    const from = top.value + drawn.offsetTop
    return from >= element.scrollTop && from + drawn.offsetHeight <= element.scrollTop + element.clientHeight
  }

  function keys(event: KeyboardEvent) {
    if ((event.key !== 'Home' && event.key !== 'End') || event.altKey || event.shiftKey || event.metaKey) return
    event.preventDefault()
    if (event.key === 'Home') toStart()
    else jumpToEnd()
  }

  /** The heights of rows are others: lines were wrapped, or the view has another width. */
  function remeasure() {
    row.value = wrap.value ? Math.max(ROW, options.wrapped()) : ROW
    if (wrap.value) anchor = { ...anchor, shift: 0 }
    void nextTick(() => (follow.value ? toEnd() : moveTo(geometry.value.placeOf(anchor))))
  }
  watch(wrap, remeasure)

  watch(lines, (now, before) => {
    // The average is one of a few lines at first.
    if (wrap.value && now > 2 * before) remeasure()
    void nextTick(() => {
      if (follow.value) return toEnd()
      bottom = false
      draw()
      if (!isExact()) settleSoon()
    })
  })

  let width = 0
  const observer = typeof ResizeObserver === 'undefined' ? null : new ResizeObserver(() => {
    const element = scroller.value
    if (!element || (element.clientHeight === view.value && element.clientWidth === width)) return
    const isOtherWidth = element.clientWidth !== width
    width = element.clientWidth
    view.value = element.clientHeight
    if (wrap.value && isOtherWidth) return remeasure()
    void nextTick(() => (follow.value ? toEnd() : draw()))
  })
  const touch = (event: Event) => (touched = event.type === 'touchstart')
  onMounted(() => {
    const element = scroller.value
    if (!element) return
    observer?.observe(element)
    for (const name of ['touchstart', 'touchend', 'touchcancel']) element.addEventListener(name, touch, { passive: true })
  })
  onScopeDispose(() => {
    observer?.disconnect()
    clearTimeout(timer)
  })

  return {
    follow,
    range,
    top,
    /** Height of what is scrolled. */
    height: computed(() => geometry.value.height),
    scrolled,
    keys,
    jumpToEnd,
    show,
    isVisible,
    /** Drawn rows may have other heights now. */
    redrawn: () => void nextTick(place),
    firstVisible: () => anchor.line,
  }
}
