/**
 * The simulator in the browser: three phones, a storefront, a clock and a log of webhook requests.
 *
 * The state of a call (the session's id and all that was typed) is kept here, not on the server. The
 * server posts what a carrier would post, and returns the answer and the requests that were posted.
 */

const MMI_ERROR = "Connection problem or invalid MMI code.";
const POLL_EVERY_MS = 2000;
const LONGEST_LOG = 200;

const page = document.querySelector("main");
const { ussdCode, shortCode, timezone, wares } = page.dataset;
const find = (selector) => page.querySelector(selector);

/* Text, times and money */

const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: timezone });
const dayAndTime = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: timezone,
});

const inShillings = new Intl.NumberFormat("en");

function price({ amount, currency }) {
  const format = new Intl.NumberFormat("en", {
    style: "currency", currency, currencyDisplay: "code", trailingZeroDisplay: "stripIfInteger",
  });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** A new element. `selector` is a tag with classes (`li.mine`); the children are nodes or text. */
function make(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  element.append(...children);
  return element;
}

/** The text as nodes, with its URLs as links. */
function withLinks(text) {
  return text.split(/(https?:\/\/\S+)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const link = make("a", part);
    Object.assign(link, { href: part, target: "_blank", rel: "noopener" });
    return link;
  });
}

/* The server */

async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(explain(answer, response));
  return answer;
}

function explain({ detail, errors = [] }, { status }) {
  const details = errors.map((error) => `${error.pointer.replace("#/", "")}: ${error.detail}`);
  return details.join(". ") || detail || `The service answered ${status}.`;
}

/** Lets the simulated carrier act, logs the requests that it posted, and returns the service's reply to a hop. */
async function carry(path, body) {
  const { reply, wire } = await ask(`/simulator/${path}`, body);
  wire.forEach(showExchange);
  refresh();
  return reply;
}

/* Phones */

class Handset {
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
    refresh();
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
    refresh();
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

function onWire({ msisdn, session_id, code, typed }) {
  return { msisdn, session_id, code, text: typed.join("*") };
}

/** In the format of Africa's Talking. `randomUUID` is not used, because outside localhost it needs https. */
function newSessionId() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return "ATUid_" + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* Storefront */

const storefront = find(".storefront");
const result = storefront.querySelector(".said");

const shelf = storefront.querySelector(".shelf");
let shownProducts = "";

async function showProducts() {
  const { data } = await ask("/api/v1/products?limit=100");
  const products = JSON.stringify(data);
  if (products === shownProducts) return; // an unchanged list keeps its focus and its selection
  shownProducts = products;
  const chosen = new FormData(storefront).get("product_id");
  const choice = data.find(({ id }) => id === chosen) ?? data[0];
  shelf.replaceChildren(...data.map((product) => onShelf(product, product === choice)));
  storefront.querySelector(".empty").hidden = data.length > 0;
}

function onShelf(product, checked) {
  const radio = Object.assign(make("input"), { type: "radio", name: "product_id", value: product.id, checked, required: true });
  const picture = Object.assign(make("img"), { alt: "", src: product.photos[0]?.thumbnail_url ?? `${wares}${product.category}.svg` });
  picture.addEventListener("error", () => (picture.src = `${wares}other.svg`), { once: true });
  const facts = make("small", `${price(product.price)} · ${product.quantity} left · ${product.artisan.name}`);
  return make("label.ware-choice", radio, picture, make("span", make("b", product.title), facts));
}

/** Turns `{"buyer.name": "Joy"}` into `{buyer: {name: "Joy"}}`. */
function nested(entries) {
  const body = {};
  for (const [name, value] of entries) {
    const [last, parent] = name.split(".").reverse();
    const part = parent ? (body[parent] ??= {}) : body;
    part[last] = value;
  }
  return body;
}

function orderBody() {
  const body = nested(new FormData(storefront));
  body.quantity = Number(body.quantity);
  body.buyer = { ...body.buyer, phone: handsets[1].msisdn, locale: "en" };
  body.ship_to = { name: body.buyer.name, ...body.ship_to };
  if (body.payment.by === "mpesa") body.payment.phone = body.buyer.phone;
  return body;
}

async function placeOrder(event) {
  event.preventDefault();
  const button = storefront.querySelector(".button");
  button.disabled = true;
  result.textContent = "";
  try {
    const order = await ask("/simulator/orders", orderBody());
    const next = order.status === "unpaid" ? "Look at the buyer’s phone." : "The artisan gets a text.";
    result.replaceChildren("Order ", make("b", order.code), ` is ${order.status}, ${price(order.total)}. ${next}`);
  } catch (refusal) {
    result.textContent = refusal.message;
  }
  button.disabled = false;
  refresh();
}

/* Log and clock */

function showExchange({ method, path, body, status, answer }) {
  const log = find(".wire ol");
  const first = answer.split("\n")[0];
  const line = make("summary", make("code", `${method} ${path}`), make("b", String(status)), make("span", first));
  const request = make("pre", body.replaceAll("&", "\n&"));
  log.prepend(make("li", make("details", line, request, make("pre", answer))));
  while (log.children.length > LONGEST_LOG) log.lastChild.remove();
}

async function moveClock(seconds) {
  const { now } = await ask("/simulator/clock", { advance_seconds: seconds });
  document.querySelector("#now").textContent = dayAndTime.format(new Date(now));
  refresh();
}

/* Start */

const handsets = [...page.querySelectorAll(".handset")].map((element) => new Handset(element));

async function showPrompts() {
  const phones = new URLSearchParams(handsets.map(({ msisdn }) => ["msisdn", msisdn]));
  const { data } = await ask(`/simulator/prompts?${phones}`);
  handsets.forEach((handset) => handset.showPrompt(data));
}

/** Fetches what may have changed. A failed request is repeated at the next poll. */
function refresh() {
  return Promise.allSettled([showProducts(), showPrompts(), ...handsets.map((handset) => handset.poll())]);
}

storefront.addEventListener("submit", placeOrder);
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => moveClock(Number(button.dataset.advance)));
}
setInterval(() => document.hidden || refresh(), POLL_EVERY_MS);
moveClock(0);
refresh().then(() => (page.dataset.ready = ""));
