/** Height of a line that is not wrapped. */
export const ROW = 20
/** Browsers draw nothing in elements that are too tall: Firefox above 17.8 million pixels, Chromium above 33 million. */
export const TALLEST = 8_000_000

/** A line at the upper edge of the view, and how much of it is above. */
export interface Anchor {
  readonly line: number
  readonly shift: number
}

/**
 * Where lines lie along a scroll bar. A million lines are taller than an element can be: the bar stands for all of them on a
 * smaller scale then.
 */
export class Geometry {
  constructor(
    private readonly lines: number,
    /** Height of a line; of wrapped ones what they have on average. */
    private readonly row: number,
    private readonly view: number,
  ) {}

  /** Height of what is scrolled. */
  get height(): number {
    return Math.min(this.lines * this.row, TALLEST)
  }

  /** Whether a pixel of the scroll bar is more than a pixel of the log. */
  get scaled(): boolean {
    return this.lines * this.row > TALLEST
  }

  /** The furthest place of the scroll bar. */
  get end(): number {
    return Math.max(0, this.height - this.view)
  }

  private get scale(): number {
    return this.end === 0 ? 1 : Math.max(0, this.lines * this.row - this.view) / this.end
  }

  /** What is at the upper edge when the scroll bar stands at `place`. */
  anchorAt(place: number): Anchor {
    const at = Math.max(0, Math.min(place, this.end)) * this.scale
    const line = Math.min(Math.floor(at / this.row), Math.max(0, this.lines - 1))
    return { line, shift: at - line * this.row }
  }

  /** Where the scroll bar belongs for what is at the upper edge. */
  placeOf(anchor: Anchor): number {
    return Math.max(0, Math.min((anchor.line * this.row + Math.min(anchor.shift, this.row)) / this.scale, this.end))
  }
}
