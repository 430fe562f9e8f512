/** One phone on the page: its calls, its texts and its M-PESA. The state of a call is kept here, not on the server. */

import { answersIn, clocks, newCall, onWire } from "./calls.js";
import { takePicture, upload } from "./camera.js";
import { callCents, cost, fill, fromTemplate, inShillings, photoPath, shortCode, ussdCode } from "./dom.js";
import { Inbox } from "./inbox.js";
import { changed } from "./keeping.js";
import { Keypad } from "./keypad.js";
import { Screen } from "./screen.js";
import { acted, ask, carry } from "./server.js";

const MMI_ERROR = "Connection problem or invalid MMI code.";
const SCROLLS = { ArrowUp: -1, ArrowDown: 1 };

function withPicture(fields, { name, jpeg }) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append("picture", jpeg, `${name}.jpg`);
  return form;
}

/** Whether the tab of this form is chosen. */
const isOpen = (panel) => !panel.parentElement.hidden;

export class Handset {
  call = null; // of `calls.js`, while a session is open
  size = null; // of the screen, as the server counted it
  dialogue = null; // { isCall, after }: what is counted since the last dial: a call, and the texts after this one
  prompt = null; // the prompt of M-PESA that covers the display: { id, account, amount }
  field = null; // the field that was used last
  owner = { name: "", roles: [], kiosk: "", language: null };

  /** `made` is what `kept` returned, or the `id`, `label` and `msisdn` of a new phone. */
  constructor(made) {
    this.id = made.id;
    this.label = made.label;
    this.kind = made.kind ?? "basic"; // or `camera`, which sends MMS, or `whatsapp`
    this.element = fromTemplate("handset", made.id);
    this.number = this.part(".msisdn");
    this.number.value = this.element.dataset.msisdn = made.msisdn;
    this.model = this.part(".model");
    this.model.value = made.model ?? this.model.value;
    this.screen = new Screen(this.part(".screen"), [this.part(".up"), this.part(".down")]);
    this.inbox = new Inbox(this.part(".inbox"), this.part(".unread"), (text, how) => this.answerText(text, how));
    this.sendKey = this.part(".send");
    this.tabs = [...this.element.querySelectorAll("[role=tab]")];
    this.panels = this.tabs.map((tab) => this.part(`#${CSS.escape(tab.getAttribute("aria-controls"))} form`));
    this.promptForm = this.part(".prompt");
    this.keypad = new Keypad(this.part(".keys"), () => this.entry, [...this.element.querySelectorAll(".mode")]);
    this.listen();
    this.showKind();
    this.showModel();
    this.showOwner();
    made.shown === undefined ? this.idle() : this.restore(made);
    this.open(this.tabs[made.tab ?? (ussdCode ? 0 : 1)]);
  }

  /** Everything that a reload must not lose. */
  kept() {
    const { id, label, kind, msisdn, call, size, dialogue } = this;
    const drafts = this.fields.map((field) => field.value);
    const tab = this.panels.findIndex(isOpen);
    return { id, label, kind, msisdn, call, size, dialogue, drafts, tab, model: this.model.value, shown: this.part(".screen").textContent, ...this.inbox.kept() };
  }

  restore({ call, size, dialogue, drafts, shown, ...inbox }) {
    Object.assign(this, { size, dialogue, call: call && { ...call, waiting: false } });
    this.fields.forEach((field, index) => (field.value = drafts[index] ?? ""));
    this.inbox.recall(inbox);
    this.inbox.showKept();
    this.show(call?.waiting ? "The page was loaded again before the answer came." : shown);
  }

  part(selector) {
    return this.element.querySelector(selector);
  }

  get msisdn() {
    return this.number.value.replace(/[^+\d]/g, "");
  }

  get name() {
    return this.owner.name || this.label;
  }

  /** The fields of all panels; a PIN is not among them, so it is not kept. */
  get fields() {
    return this.panels.flatMap((panel) => [...panel.querySelectorAll(".entry")]);
  }

  /** The form that is in front. */
  get panel() {
    return this.prompt ? this.promptForm : this.panels.find(isOpen);
  }

  /** The field that the keypad types into: the one that was used last, else the first of the form in front. */
  get entry() {
    return this.field?.form === this.panel ? this.field : this.panel.elements.entry;
  }

  listen() {
    const [call, texts, paybill] = this.panels;
    call.addEventListener("submit", (event) => this.send(event));
    call.addEventListener("keydown", (event) => this.scrollBy(event));
    texts.addEventListener("submit", (event) => this.submitText(event));
    paybill.addEventListener("submit", (event) => this.payBill(event));
    this.promptForm.addEventListener("submit", (event) => this.answerPrompt(event, this.promptForm.elements.entry.value));
    this.part(".cancel").addEventListener("click", (event) => this.answerPrompt(event, null));
    this.part(".display").addEventListener("focusin", ({ target }) => (this.field = target.matches(".entry") ? target : null));
    this.part(".camera").addEventListener("click", () => this.sendPicture());
    this.part(".inbox").addEventListener("click", (event) => this.followLink(event));
    this.sendKey.addEventListener("click", () => this.panel.requestSubmit());
    this.part(".end").addEventListener("click", () => this.hangUp());
    this.part(".erase").addEventListener("click", () => this.keypad.erase());
    this.number.addEventListener("change", () => this.changeSim());
    this.model.addEventListener("change", () => this.showModel());
    this.element.addEventListener("input", changed);
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab));
      tab.addEventListener("keydown", (event) => this.arrow(event, tab));
    }
  }

  scrollBy(event) {
    if (!(event.key in SCROLLS)) return;
    event.preventDefault();
    this.screen.scroll(SCROLLS[event.key]);
  }

  showModel() {
    this.element.dataset.model = this.model.value;
    this.screen.mark();
  }

  /** A phone with WhatsApp writes there; one with a camera sends pictures. */
  showKind() {
    this.element.dataset.kind = this.kind;
    this.part(".camera").hidden = this.kind === "basic";
    if (this.channel === "sms") return;
    this.part(".by").textContent = "WhatsApp";
    this.panels[1].elements.entry.placeholder = "Message to Soko";
  }

  get channel() {
    return this.kind === "whatsapp" ? "whatsapp" : "sms";
  }

  /** Returns what was typed, and empties the field. */
  take() {
    const typed = this.entry.value;
    this.entry.value = "";
    return typed;
  }

  /* Who has the phone */

  showOwner() {
    const { roles, kiosk, language } = this.owner;
    this.part("h2").textContent = this.name;
    this.part("h2").title = kiosk ? `${this.name}, ${kiosk}` : this.name;
    this.part(".role").textContent = roles.join(", ") || "new here";
    this.part(".role").dataset.role = roles[0] ?? "none";
    this.part(".language").textContent = language ?? "–";
    this.part(".language").title = language ? `reads ${language}` : "has not chosen a language";
  }

  /** Shows what is new: the owner, texts, and the prompt. */
  async update({ texts, prompt, ...owner }) {
    this.owner = owner;
    this.showOwner();
    this.showPrompt(prompt);
    if (texts > this.inbox.newest) await this.fetchTexts();
  }

  /* Calls */

  send(event) {
    event.preventDefault();
    if (!ussdCode || this.call?.waiting) return;
    if (this.call) this.hop("answer", this.take());
    else this.dial(this.take() || ussdCode);
  }

  /** What follows our code is sent as the first answers, as a carrier does. */
  dial(code) {
    const answers = answersIn(code);
    if (answers === null) {
      this.show(MMI_ERROR);
      return;
    }
    this.call = newCall(this.msisdn);
    this.dialogue = { isCall: true, after: this.inbox.newest };
    this.hop("dial", ...(answers ? [answers] : []));
  }

  async hop(path, ...typed) {
    const call = this.call;
    call.typed.push(...typed);
    call.waiting = true;
    call.hops += 1;
    this.size = null;
    this.show("…");
    const answer = await carry(path, onWire(call)).catch(() => ({ reply: "", size: null }));
    Object.assign(call, { waiting: false, lastAt: Date.now() });
    if (call === this.call) this.showReply(answer);
  }

  showReply({ reply, size }) {
    const [, kind, words] = reply.match(/^(CON|END) (.*)$/s) ?? [, "END", MMI_ERROR];
    this.size = reply ? size : null; // none if the network dropped the call
    this.lastCall = this.call;
    if (kind === "END") this.call = null;
    this.show(words);
  }

  hangUp() {
    if (this.prompt) this.answerPrompt(null, null);
    const call = this.call;
    Object.assign(this, { call: null, lastCall: null, size: null, dialogue: null });
    this.entry.value = "";
    this.idle();
    if (call) carry("hang-up", onWire(call)).catch(() => {}); // a carrier does not report a failure either
  }

  idle() {
    this.show(ussdCode ? `Soko Net\n\nDial ${ussdCode}\nor text ${shortCode}` : `Soko Net\n\nText ${shortCode}`);
  }

  show(words) {
    this.screen.show(words);
    this.element.classList.toggle("calling", this.call !== null);
    this.showLabels();
    this.showCounts();
    changed();
  }

  showLabels() {
    const calling = this.panel === this.panels[0];
    this.sendKey.textContent = calling && !this.call ? "Call" : this.prompt ? "Pay" : "Send";
    this.sendKey.disabled = calling && !ussdCode;
    this.panels[0].elements.entry.placeholder = this.call ? "Answer" : ussdCode;
  }

  /** Shows how full the screen is, the hops and clocks of the call, and what the dialogue costs. */
  showCounts() {
    this.part(".size").textContent = this.size ? fill(this.size) : "no screen yet";
    this.part(".size").classList.toggle("outside", Boolean(this.size?.outside));
    const call = this.call ?? this.lastCall;
    const session = call && clocks(call, this.call ? Date.now() : call.lastAt);
    this.part(".session").textContent = call ? `hop ${call.hops} · ${session.open} · idle ${session.idle}` : "no call";
    this.part(".session").title = session?.limits ?? "";
    this.part(".session").classList.toggle("late", Boolean(this.call && session.isLate));
    const cents = this.dialogue ? (this.dialogue.isCall ? callCents : 0) + this.inbox.centsAfter(this.dialogue.after) : 0;
    this.part(".cost").textContent = cost(cents);
  }

  /* Texts */

  submitText(event) {
    event.preventDefault();
    const text = this.take();
    if (text) this.text(text);
  }

  /** Sends a text, perhaps with a picture of `takePicture`. */
  text(text, picture = null) {
    this.dialogue ??= { isCall: false, after: this.inbox.newest };
    const { channel, msisdn } = this;
    const sent = { msisdn, text, channel };
    return this.deliver(text, picture, async () => {
      const { size } = await (picture ? carry("picture", withPicture(sent, picture)) : carry("text", sent));
      return channel === "sms" && !picture ? size : null;
    });
  }

  /** Shows in the inbox what is sent, and then its size, which `send` returns, or why it was not taken. */
  async deliver(text, picture, send) {
    const settle = this.inbox.add(text, picture && { name: picture.name, image: picture.image });
    changed();
    await send().then((size) => settle(size), ({ message }) => settle(null, message));
    changed();
  }

  async sendPicture() {
    const picture = await takePicture();
    if (picture) this.text(this.take(), picture);
  }

  /** On a phone with a camera, a photo link takes a picture and sends it there; its page opens only by a new tab. */
  async followLink(event) {
    const link = event.target.closest("a");
    const path = link && this.kind !== "basic" ? photoPath(link) : "";
    if (!path || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const picture = await takePicture();
    if (picture) await this.deliver(link.href, picture, () => upload(path, picture).then(() => null));
    acted();
  }

  /** A piece of a text was touched: an answer is sent, a code is typed where an answer is open. */
  answerText(text, how) {
    if (how === "send") {
      this.text(text);
      return;
    }
    if (this.call) this.open(this.tabs[0]);
    const field = this.panel.elements.entry;
    field.value += field.value && !field.value.endsWith(" ") ? ` ${text}` : text;
    field.focus();
    changed();
  }

  async fetchTexts() {
    const msisdn = this.msisdn;
    await this.inbox.fetch(msisdn, () => msisdn === this.msisdn);
    if (this.panel === this.panels[1]) this.inbox.markRead();
    this.showCounts();
    changed();
  }

  /* M-PESA */

  /** Shows the prompt of this phone, or none any more. */
  showPrompt(next) {
    if (next?.id === this.prompt?.id) return; // what was typed stays
    this.prompt = next;
    this.promptForm.hidden = !next;
    this.promptForm.reset();
    if (next) this.part(".prompt p").textContent = `M-PESA\n\nPay KSh ${inShillings.format(next.amount)} to Soko, account ${next.account}?\nType your PIN.`;
    this.keypad.setMode(this.mode);
    this.showLabels();
  }

  async answerPrompt(event, pin) {
    event?.preventDefault();
    const { id } = this.prompt;
    this.showPrompt(null);
    await ask(`/simulator/prompts/${id}`, { pin }).catch(() => {});
    acted();
  }

  async payBill(event) {
    event.preventDefault();
    const form = this.panels[2];
    const [account, amount] = [form.elements.entry.value.trim(), Number(form.elements.amount.value)];
    const said = this.part(".paid");
    try {
      const { receipt } = await ask("/simulator/paybill", { msisdn: this.msisdn, account, amount });
      said.textContent = `${receipt} confirmed. KSh ${inShillings.format(amount)} paid for account ${account}.`;
      form.reset();
    } catch ({ message }) {
      said.textContent = message;
    }
    acted();
  }

  changeSim() {
    this.prompt = null;
    this.promptForm.hidden = true;
    this.hangUp();
    this.inbox.forget();
    this.element.dataset.msisdn = this.msisdn;
    changed();
    acted();
  }

  /* Tabs */

  /** What the keys type in the form in front. */
  get mode() {
    return this.panel === this.panels[1] ? "abc" : "123";
  }

  open(chosen) {
    const wasTexts = isOpen(this.panels[1]);
    for (const [index, tab] of this.tabs.entries()) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      this.panels[index].parentElement.hidden = tab !== chosen;
    }
    this.keypad.setMode(this.mode);
    this.inbox.toEnd();
    this.screen.mark();
    this.showLabels();
    if (this.panel === this.panels[1]) this.inbox.markRead();
    else if (wasTexts) this.inbox.leave();
    changed();
  }

  arrow(event, tab) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const other = this.tabs.at((this.tabs.indexOf(tab) + step) % this.tabs.length);
    this.open(other);
    other.focus();
  }
}
