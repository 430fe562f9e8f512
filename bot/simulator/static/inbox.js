/** The texts of a phone: those it received, which the server keeps, and those it sent, which this page keeps. */

import { clockTime, cost, make, segments, withLinks } from "./dom.js";
import { ask } from "./server.js";

const MOST_SENT = 200;

/** Whether a text came by WhatsApp, where an answer costs nothing. */
const isWhatsApp = (sender) => sender.startsWith("whatsapp:");

export class Inbox {
  newest = 0; // the number of the last text that is shown
  read = 0; // the number of the last text that was read
  sent = []; // { text, after, size, lost }: `after` is the number of the last text received before it
  cents = new Map(); // the price of each received text, by its number

  /** `answer` is called with a piece of a text that was touched, and with how it answers: `send` or `type`. */
  constructor(list, badge, answer) {
    Object.assign(this, { list, badge, answer });
  }

  recall({ read, sent }) {
    Object.assign(this, { read, sent });
  }

  kept() {
    return { read: this.read, sent: this.sent };
  }

  forget() {
    Object.assign(this, { newest: 0, read: 0, sent: [] });
    this.cents.clear();
    this.list.replaceChildren();
    this.count();
  }

  /** Fetches the texts that are not shown yet. `isOwn` is false if the phone has got another number by then. */
  async fetch(msisdn, isOwn) {
    const isFirst = this.newest === 0;
    const { data } = await ask(`/simulator/texts?msisdn=${encodeURIComponent(msisdn)}&since=${this.newest}`);
    if (!isOwn()) return;
    const fresh = data.filter(({ number }) => number > this.newest);
    if (isFirst && this.sent.length) this.list.replaceChildren();
    const earlier = isFirst ? [...this.sent] : [];
    for (const text of fresh) {
      while (earlier.length && earlier[0].after < text.number) this.showSent(earlier.shift());
      this.newest = text.number;
      this.cents.set(text.number, isWhatsApp(text.from) ? 0 : text.size.cents);
      this.showReceived(text);
    }
    earlier.forEach((each) => this.showSent(each));
    this.count();
  }

  /** Shows the texts that were sent before the page was loaded, when none was received. */
  showKept() {
    this.sent.forEach((each) => this.showSent(each));
  }

  /** Adds a text that is being sent; its size comes with the answer. */
  add(text, picture = null) {
    const sent = { text, picture, after: this.newest, size: null, lost: "" };
    this.sent = [...this.sent, sent].slice(-MOST_SENT);
    const item = this.showSent(sent);
    return (size, lost = "") => {
      Object.assign(sent, { size, lost });
      item.replaceWith(this.sentItem(sent));
      this.toEnd();
    };
  }

  showSent(sent) {
    const item = this.sentItem(sent);
    this.list.append(item);
    this.toEnd();
    return item;
  }

  sentItem({ text, picture, size, lost }) {
    const item = make("li.mine", ...withLinks(text));
    if (picture?.image) item.prepend(Object.assign(make("img"), { src: picture.image, alt: `Picture: ${picture.name}` }));
    else if (picture) item.prepend(make("small", `Picture: ${picture.name}`));
    if (size) item.append(make("small", segments(size)));
    if (lost) item.append(make("small.lost", lost));
    return item;
  }

  showReceived({ number, from, at, size, parts }) {
    const heading = make("small", `${isWhatsApp(from) ? "WhatsApp" : from} · ${clockTime.format(new Date(at))}`);
    const counted = isWhatsApp(from) ? "no SMS" : `${segments(size)} · ${cost(size.cents)}`;
    const item = make("li.theirs", heading, ...parts.flatMap((part) => this.part(part)), make("small.size", counted));
    item.classList.toggle("new", number > this.read);
    item.dataset.number = number;
    this.list.append(item);
    this.toEnd();
  }

  part({ text, answer }) {
    if (!answer) return withLinks(text);
    const button = Object.assign(make("button.answer", text), { type: "button", title: answer === "send" ? `Text ${text}` : `Type ${text}` });
    button.addEventListener("click", () => this.answer(text, answer));
    return [button];
  }

  /** What the texts cost that came after one with this number. */
  centsAfter(number) {
    return [...this.cents].reduce((sum, [each, cents]) => sum + (each > number ? cents : 0), 0);
  }

  get unread() {
    return [...this.cents.keys()].filter((number) => number > this.read).length;
  }

  count() {
    this.badge.hidden = !this.unread;
    this.badge.textContent = this.unread;
  }

  /** All texts have been read; their marks stay until the inbox is left. */
  markRead() {
    this.read = Math.max(this.read, this.newest);
    this.count();
  }

  leave() {
    for (const item of this.list.querySelectorAll(".new")) item.classList.toggle("new", Number(item.dataset.number) > this.read);
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}
