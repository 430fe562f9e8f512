/** The screen of a phone: a few lines, which scroll by whole lines and are never cut in half. */

export class Screen {
  /** `keys` are the two that scroll. */
  constructor(element, keys) {
    this.element = element;
    this.keys = keys;
    const [up, down] = keys;
    up.addEventListener("click", () => this.scroll(-1));
    down.addEventListener("click", () => this.scroll(1));
    element.addEventListener("scroll", () => this.mark());
    element.addEventListener("scrollend", () => this.settle());
  }

  get line() {
    return parseFloat(getComputedStyle(this.element).lineHeight);
  }

  show(words) {
    this.element.textContent = words;
    this.element.scrollTop = 0;
    this.mark();
  }

  scroll(lines) {
    this.element.scrollTop = (Math.round(this.element.scrollTop / this.line) + lines) * this.line;
    this.mark();
  }

  /** Moves to a whole line after a wheel or a finger. */
  settle() {
    const whole = Math.round(this.element.scrollTop / this.line) * this.line;
    if (Math.abs(whole - this.element.scrollTop) >= 1) this.element.scrollTop = whole;
  }

  /** Shows on the keys where there is more. */
  mark() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const [up, down] = this.keys;
    up.classList.toggle("leads", scrollTop >= 1);
    down.classList.toggle("leads", scrollTop + clientHeight < scrollHeight - 1);
  }
}
