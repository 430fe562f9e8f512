/** The keypad of a phone: digits, or letters by pressing a key several times. */

const LETTERS = {
  1: ".,?!'-1", 2: "abc2", 3: "def3", 4: "ghi4", 5: "jkl5", 6: "mno6", 7: "pqrs7", 8: "tuv8", 9: "wxyz9", 0: " 0", "*": "*+/=@:()#",
};
const MODES = ["abc", "ABC", "123"];
const SAME_KEY_MS = 1000;

export class Keypad {
  mode = "123";
  last = null; // { key, field, value, at }: the letter that the same key would change

  /** `field` returns the field that is typed into, `shown` is the button that shows the mode. */
  constructor(element, field, shown) {
    this.field = field;
    this.shown = shown;
    for (const key of element.querySelectorAll("[data-key]")) key.addEventListener("click", () => this.press(key.dataset.key));
    for (const button of shown) button.addEventListener("click", () => this.setMode(MODES[(MODES.indexOf(this.mode) + 1) % MODES.length]));
    this.setMode(this.mode);
  }

  setMode(mode) {
    this.mode = mode;
    this.last = null;
    for (const button of this.shown) {
      button.textContent = mode;
      button.ariaLabel = `The keys type ${mode}`;
    }
  }

  /** The keys type at the end of the field, because a field that was left forgets where its caret was. */
  press(key) {
    if (this.mode === "123") this.write(this.field().value + key);
    else if (key === "#") this.setMode(MODES[(MODES.indexOf(this.mode) + 1) % MODES.length]);
    else this.letter(key);
  }

  letter(key) {
    const field = this.field();
    const [letters, now] = [LETTERS[key], Date.now()];
    const again = this.last && this.last.key === key && this.last.field === field && this.last.value === field.value && now - this.last.at < SAME_KEY_MS;
    const turn = again ? (this.last.turn + 1) % letters.length : 0;
    const letter = this.mode === "ABC" ? letters[turn].toUpperCase() : letters[turn];
    this.write((again ? field.value.slice(0, -1) : field.value) + letter);
    this.last = { key, field, value: field.value, at: now, turn };
  }

  erase() {
    this.write(this.field().value.slice(0, -1));
  }

  write(value) {
    const field = this.field();
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
