/** Plays a transcript on phones of its own, at reading speed. The service is asked for nothing. */

import { make, page } from "./dom.js";
import { Handset } from "./handset.js";

const ROW = page.querySelector(".handsets");
const bar = page.querySelector(".performance");
const TYPED_MS = 90; // a character
const READ_MS = 28;
const [SHORTEST_MS, LONGEST_MS] = [900, 6000];
const NUMBER = /^! phone (\S+) (\S+)/gm;
const NAME = /^[@^] ?(\S+)/gm;
let running = 0; // the number of the performance that is played; the others have been stopped

bar.querySelector("[data-transcript=stop]").addEventListener("click", () => (running += 1));

/** The lines that begin with a mark, each with those that continue it: `{ mark, words }`. */
export function stepsOf(text) {
  const steps = [];
  for (const line of text.split("\n")) {
    if (/^[#@><^=!]/.test(line)) steps.push({ mark: line[0], words: line.slice(1).trim() });
    else if (line.trim() && steps.length) steps.at(-1).words += `\n${line.trim()}`;
  }
  return steps;
}

/** Plays it; `speed` says how often faster than reading. Returns false if it was stopped. */
export async function perform(text, speed) {
  const stage = new Stage(text, speed, (running += 1));
  stage.open();
  try {
    for (const step of stepsOf(text)) {
      await stage.play(step);
      if (stage.isOver) return false;
    }
    await stage.pause(LONGEST_MS);
    return !stage.isOver;
  } finally {
    stage.close();
  }
}

class Stage {
  phones = new Map(); // by name
  acting = null;
  channel = "";

  constructor(text, speed, number) {
    Object.assign(this, { speed, number });
    this.numbers = new Map([...text.matchAll(NUMBER)].map(([, name, msisdn]) => [name, msisdn]));
    this.names = new Set([...text.matchAll(NAME)].map(([, name]) => name));
  }

  get isOver() {
    return this.number !== running;
  }

  /** Puts a phone for everybody into the row, instead of those of the page. */
  open() {
    this.names.forEach((name) => this.phone(name));
    ROW.classList.add("performing");
    bar.hidden = false;
    bar.scrollIntoView({ block: "nearest" });
  }

  close() {
    for (const { element } of this.phones.values()) element.remove();
    if (ROW.querySelector(".acting")) return; // another performance has begun
    ROW.classList.remove("performing");
    bar.hidden = true;
  }

  say(words) {
    bar.querySelector("p").textContent = words;
  }

  phone(name) {
    if (!this.phones.has(name)) {
      const label = name[0].toUpperCase() + name.slice(1);
      const handset = new Handset({ id: `acting-${name}`, label, msisdn: this.numbers.get(name) ?? "" });
      handset.element.classList.add("acting");
      handset.element.inert = true;
      this.phones.set(name, handset);
      ROW.append(handset.element);
      handset.showModel();
    }
    return this.phones.get(name);
  }

  async play({ mark, words }) {
    if (mark === "@") this.turnTo(...words.split(" "));
    else if (mark === ">") await this.type(words);
    else if (mark === "<") await (words.match(/^(CON|END)\b/) ? this.showScreen(words) : this.receive(this.acting, words));
    else if (mark === "^") await this.receive(this.phone(words.split(/\s/, 1)[0]), words.replace(/^\S+\s/, ""));
    else await this.tell(mark, words);
  }

  turnTo(name, channel) {
    this.acting = this.phone(name);
    this.channel = channel;
    for (const { element } of this.phones.values()) element.classList.toggle("current", element === this.acting.element);
    this.acting.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async type(words) {
    const byCall = this.channel === "ussd";
    this.acting.open(this.acting.tabs[byCall ? 0 : 1]);
    const field = this.acting.panel.elements.entry;
    for (const character of words) {
      field.value += character;
      await this.pause(TYPED_MS);
      if (this.isOver) return;
    }
    await this.pause(SHORTEST_MS / 2);
    field.value = "";
    if (byCall) this.acting.show("…");
    else this.add(this.acting, "li.mine", words);
  }

  async showScreen(words) {
    this.acting.open(this.acting.tabs[0]);
    this.acting.show(words.replace(/^(CON|END) ?/, ""));
    await this.read(words);
  }

  async receive(handset, words) {
    handset.open(handset.tabs[1]);
    this.add(handset, "li.theirs", words);
    await this.read(words);
  }

  add(handset, selector, words) {
    const list = handset.part(".inbox");
    list.append(make(selector, words));
    list.scrollTop = list.scrollHeight;
  }

  async tell(mark, words) {
    if (/^(with|clock|demo|phone|codes)\b/.test(words) && mark === "!") return;
    this.say({ "#": "", "!": "Done from outside: ", "=": "In the shop: " }[mark] + words);
    if (mark !== "=") await this.read(words);
  }

  read(words) {
    return this.pause(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, words.length * READ_MS)));
  }

  /** Waits, but not after the performance was stopped. */
  async pause(milliseconds) {
    const until = performance.now() + milliseconds / this.speed();
    while (!this.isOver && performance.now() < until) {
      await new Promise((resume) => setTimeout(resume, Math.min(100, Math.max(0, until - performance.now()))));
    }
  }
}
