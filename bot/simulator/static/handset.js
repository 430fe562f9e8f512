/** One phone on the page: its calls, its texts and its M-PESA. The state of a call is kept here, not on the server. */

import { newSessionId, onWire } from "./calls.js";
import { clockTime, inShillings, make, shortCode, ussdCode, withLinks } from "./dom.js";
import { ACTED, ask, carry } from "./server.js";

const MMI_ERROR = "Connection problem or invalid MMI code.";

export class Handset {
  call = null; // { session_id, msisdn, code, typed, waiting } while a session is open
  seen = new Set();
  unread = 0;
  prompt = null; // the prompt of M-PESA that covers the display: { id, account, amount }

  constructor(element) {
    this.element = element;
    this.number = this.part(".msisdn");
    this.screen = this.part(".screen");
    this.inbox = this.part(".inbox");
    this.sendKey = this.part(".send");
    this.tabs = [...element.querySelectorAll("[role=tab]")];
    this.panels = this.tabs.map((tab) => document.getElementById(tab.getAttribute("aria-controls")));
    this.promptForm = this.part(".prompt");
    this.listen();
    this.idle();
    if (!ussdCode) this.open(this.tabs[1]);
  }

  part(selector) {
    return this.element.querySelector(selector);
  }

  get msisdn() {
    return this.number.value.replace(/[^+\d]/g, "");
  }

  /** The form that is in front. */
  get panel() {
    return this.prompt ? this.promptForm : this.panels.find((panel) => !panel.hidden);
  }

  /** The field that the keypad types into: the one that was used last, else the first of the form in front. */
  get entry() {
    return this.field?.form === this.panel ? this.field : this.panel.elements.entry;
  }

  listen() {
    const [call, texts, paybill] = this.panels;
    call.addEventListener("submit", (event) => this.send(event));
    texts.addEventListener("submit", (event) => this.text(event));
    paybill.addEventListener("submit", (event) => this.payBill(event));
    this.promptForm.addEventListener("submit", (event) => this.answerPrompt(event, this.promptForm.elements.entry.value));
    this.part(".cancel").addEventListener("click", (event) => this.answerPrompt(event, null));
    this.part(".display").addEventListener("focusin", ({ target }) => (this.field = target.matches(".entry") ? target : null));
    this.sendKey.addEventListener("click", () => this.panel.requestSubmit());
    this.part(".end").addEventListener("click", () => this.hangUp());
    this.part(".erase").addEventListener("click", () => this.erase());
    this.number.addEventListener("change", () => this.changeSim());
    for (const key of this.element.querySelectorAll("[data-key]")) {
      key.addEventListener("click", () => this.press(key.dataset.key));
    }
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab));
      tab.addEventListener("keydown", (event) => this.arrow(event, tab));
    }
  }

  /** Returns what was typed, and empties the field. */
  take() {
    const typed = this.entry.value;
    this.entry.value = "";
    return typed;
  }

  /** The keys type at the end of the field, because a field that was left forgets where its caret was. */
  press(key) {
    this.entry.value += key;
  }

  erase() {
    this.entry.value = this.entry.value.slice(0, -1);
  }

  /* Calls */

  send(event) {
    event.preventDefault();
    if (!ussdCode || this.call?.waiting) return;
    if (this.call) this.hop("answer", this.take());
    else this.dial(this.take() || ussdCode);
  }

  /** `*384*22*1*2#` dials `*384*22#` and sends the first answers with it, as a carrier does. */
  dial(code) {
    const stem = ussdCode.slice(0, -1);
    const given = code.slice(stem.length, -1);
    const ours = code.startsWith(stem) && code.endsWith("#") && (given === "" || given.startsWith("*"));
    if (!ours) {
      this.show(MMI_ERROR);
      return;
    }
    this.call = { session_id: newSessionId(), msisdn: this.msisdn, code: ussdCode, typed: [], waiting: false };
    this.hop("dial", ...(given ? [given.slice(1)] : []));
  }

  async hop(path, ...typed) {
    const call = this.call;
    call.typed.push(...typed);
    call.waiting = true;
    this.show("…");
    const reply = await carry(path, onWire(call)).catch(() => "");
    call.waiting = false;
    if (call === this.call) this.showReply(reply);
  }

  showReply(reply) {
    const [, kind, words] = reply.match(/^(CON|END) (.*)$/s) ?? [, "END", MMI_ERROR];
    if (kind === "END") this.call = null;
    this.show(words);
  }

  hangUp() {
    if (this.prompt) this.answerPrompt(null, null);
    const call = this.call;
    this.call = null;
    this.entry.value = "";
    this.idle();
    if (call) carry("hang-up", onWire(call)).catch(() => {}); // a carrier does not report a failure either
  }

  idle() {
    this.show(ussdCode ? `Soko Net\n\nDial ${ussdCode}\nor text ${shortCode}` : `Soko Net\n\nText ${shortCode}`);
  }

  show(words) {
    this.screen.textContent = words;
    this.screen.scrollTop = 0;
    this.element.classList.toggle("calling", this.call !== null);
    this.label();
  }

  label() {
    const calling = this.panel === this.panels[0];
    this.sendKey.textContent = calling && !this.call ? "Call" : this.prompt ? "Pay" : "Send";
    this.sendKey.disabled = calling && !ussdCode;
    this.panels[0].elements.entry.placeholder = this.call ? "Answer" : ussdCode;
  }

  /* Texts */

  text(event) {
    event.preventDefault();
    const text = this.take();
    if (!text) return;
    this.showText({ text }, "mine");
    carry("text", { msisdn: this.msisdn, text }).catch(({ message }) => this.showText({ text: message }, "lost"));
  }

  async poll() {
    const msisdn = this.msisdn;
    const { data } = await ask(`/simulator/messages?msisdn=${encodeURIComponent(msisdn)}`);
    if (msisdn !== this.msisdn) return;
    const fresh = data.filter(({ id }) => !this.seen.has(id)).reverse();
    for (const message of fresh) {
      this.seen.add(message.id);
      this.showText(message, "theirs");
    }
    this.count(fresh.length);
  }

  showText({ text, from, at }, whose) {
    const heading = from ? [make("small", `${from} · ${clockTime.format(new Date(at))}`)] : [];
    this.inbox.append(make(`li.${whose}`, ...heading, ...withLinks(text)));
    this.inbox.scrollTop = this.inbox.scrollHeight;
  }

  count(more) {
    this.unread = this.panel === this.panels[1] ? 0 : this.unread + more;
    const badge = this.part(".unread");
    badge.hidden = !this.unread;
    badge.textContent = this.unread;
  }

  /* M-PESA */

  /** Shows the oldest prompt of this phone, or none any more. */
  showPrompt(prompts) {
    const next = prompts.find(({ msisdn }) => msisdn === this.msisdn) ?? null;
    if (next?.id === this.prompt?.id) return; // what was typed stays
    this.prompt = next;
    this.promptForm.hidden = !next;
    this.promptForm.reset();
    if (next) this.part(".prompt p").textContent = `M-PESA\n\nPay KSh ${inShillings.format(next.amount)} to Soko, account ${next.account}?\nType your PIN.`;
    this.label();
  }

  async answerPrompt(event, pin) {
    event?.preventDefault();
    const { id } = this.prompt;
    this.showPrompt([]);
    await ask(`/simulator/prompts/${id}`, { pin }).catch(() => {});
    document.dispatchEvent(new Event(ACTED));
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
    document.dispatchEvent(new Event(ACTED));
  }

  changeSim() {
    this.prompt = null;
    this.promptForm.hidden = true;
    this.hangUp();
    this.seen.clear();
    this.inbox.replaceChildren();
    this.unread = 0;
    this.poll();
  }

  /* Tabs */

  open(chosen) {
    for (const [index, tab] of this.tabs.entries()) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      this.panels[index].hidden = tab !== chosen;
    }
    this.inbox.scrollTop = this.inbox.scrollHeight;
    this.label();
    this.count(0);
  }

  arrow(event, tab) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const other = this.tabs.at((this.tabs.indexOf(tab) + step) % this.tabs.length);
    this.open(other);
    other.focus();
  }
}
