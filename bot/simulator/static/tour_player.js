/** Plays the tour: types on the phones and presses their keys as a visitor does, at the pace of a reader. */

import { page } from "./dom.js";
import * as phones from "./handsets.js";
import { ACTED } from "./server.js";

const PACE = Number(new URLSearchParams(location.search).get("pace") ?? 1); // 0 plays without pauses
const KEY_MS = 70;
const BEFORE_KEY_MS = 600; // between typing and sending
const LOOK_MS = 2400; // at the storefront
const LONGEST_READING_MS = 3400;
const readingMs = (text) => Math.min(LONGEST_READING_MS, 700 + 22 * text.length);
const ANSWER_MS = 10_000; // after which a request is taken for lost
const NEWS_MS = 2500; // how often it is looked again if nothing is new

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms * PACE));

/** Resolves with the first of these events on the document, or after some time. */
function next(events, ms) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const settle = () => (done.abort(), resolve());
    const timer = setTimeout(settle, ms);
    for (const event of events) document.addEventListener(event, () => (clearTimeout(timer), settle()), { signal: done.signal });
  });
}

/** Chooses a product in the storefront, to be paid by the buyer; null if it is not on the shelf yet. */
export function choose(product) {
  const storefront = page.querySelector(".storefront");
  const choice = storefront.querySelector(`[name=product_id][value="${CSS.escape(product)}"]`);
  if (!choice) return null;
  storefront.elements.kind.value = "product";
  storefront.elements.kind.dispatchEvent(new Event("change"));
  storefront.elements.buyer_phone.value = "buyer";
  storefront.elements["payment.by"].value = "mpesa";
  choice.checked = true;
  return choice;
}

export class Player {
  isPlaying = false;
  run = 0;

  /** `state` returns where the tour is; `ended` is called when the playing has ended. */
  constructor({ state, ended }) {
    Object.assign(this, { state, ended });
  }

  stop() {
    this.isPlaying = false;
    this.run += 1;
    this.ended();
  }

  /** Plays to the end, or until it is stopped. */
  async play() {
    this.isPlaying = true;
    const run = ++this.run;
    const goesOn = () => run === this.run;
    while (goesOn()) {
      const { next: move } = await this.state().catch(() => ({ next: { how: "wait" } }));
      if (!goesOn()) return;
      if (["end", "no_kiosk"].includes(move.how)) break;
      await this.move(move, goesOn);
    }
    if (goesOn()) this.stop();
  }

  async move(move, goesOn) {
    const handset = phones.handsets.find(({ id }) => id === move.phone);
    if (move.how === "wait") return next(["news"], NEWS_MS);
    if (move.how === "shop") return this.order(move, goesOn);
    if (!handset) return pause(NEWS_MS);
    handset.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (move.how === "call") return this.call(handset, move.typed, goesOn);
    if (move.how === "text") return this.text(handset, move.typed, goesOn);
    if (move.how === "prompt") return this.prompt(handset, move.typed, goesOn);
    return this.payBill(handset, move, goesOn);
  }

  async call(handset, typed, goesOn) {
    handset.open(handset.tabs[0]);
    if (handset.call?.waiting) return next([ACTED], ANSWER_MS);
    if (Boolean(handset.call) !== Boolean(typed)) {
      // the page and the server disagree on whether a call is open: begin a new one
      if (handset.call) handset.hangUp();
      typed = "";
    }
    await pause(BEFORE_KEY_MS);
    await this.press(handset, typed, goesOn);
    await pause(readingMs(handset.part(".screen").textContent));
  }

  async text(handset, typed, goesOn) {
    handset.open(handset.tabs[1]);
    await pause(readingMs(handset.part(".inbox li:last-child")?.textContent ?? ""));
    const before = handset.inbox.newest;
    await this.press(handset, typed, goesOn);
    for (let tries = 0; goesOn() && handset.inbox.newest === before && tries < 4; tries += 1) await next(["news"], NEWS_MS);
  }

  async prompt(handset, typed, goesOn) {
    if (!handset.prompt) return next(["news"], NEWS_MS);
    await pause(readingMs(handset.part(".prompt p").textContent));
    await this.press(handset, typed, goesOn);
    handset.open(handset.tabs[1]); // the receipt comes as a text
  }

  async payBill(handset, { typed, also }, goesOn) {
    handset.open(handset.tabs[2]);
    handset.panels[2].elements.amount.value = also;
    await this.press(handset, typed, goesOn);
  }

  /** Types into the field in front, and presses the green key. */
  async press(handset, typed, goesOn) {
    const field = handset.panel.elements.entry;
    field.value = "";
    for (const letter of typed) {
      if (!goesOn()) return;
      field.value += letter;
      await pause(KEY_MS);
    }
    await pause(BEFORE_KEY_MS);
    if (!goesOn()) return;
    const acted = next([ACTED], ANSWER_MS);
    handset.sendKey.click();
    await acted;
    await new Promise((resolve) => setTimeout(resolve)); // until the phone has shown the answer
  }

  async order({ typed: product }, goesOn) {
    document.querySelector("#shop-tab").click();
    const choice = choose(product);
    if (!choice) return next(["news"], NEWS_MS);
    choice.closest("label").scrollIntoView({ block: "nearest" });
    await pause(LOOK_MS);
    if (!goesOn()) return;
    const acted = next([ACTED], ANSWER_MS);
    choice.form.requestSubmit();
    await acted;
    await pause(LOOK_MS / 2);
  }
}
