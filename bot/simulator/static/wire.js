/** Shows the whole wire log: all that providers and the service said to each other. Asks only while it is open, when something is new. */

import { at, NEWS } from "./server.js";

const section = document.querySelector(".whole-wire");
const panel = section.querySelector("details");
const log = section.querySelector(".exchanges");
const filter = section.querySelector(".wire-filter");
const said = section.querySelector(".wire-said");
const LONGEST_LOG = 300;
let since = "";
let asked = 0; // the number of the newest question; the answer to an older one is left out

function make(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

function button(text, act) {
  const made = Object.assign(make("button", text, "button quiet"), { type: "button" });
  made.addEventListener("click", () => act().then((words) => (said.textContent = words), ({ message }) => (said.textContent = message)));
  return made;
}

/** A long text that scrolls, also by keyboard. */
function scrolled(text) {
  return Object.assign(make("pre", text), { tabIndex: 0 });
}

async function copy({ curl }) {
  await navigator.clipboard.writeText(curl);
  return "Copied. Fill in what is masked by ***.";
}

async function resend({ id }) {
  const response = await fetch(at(`/simulator/wire/${id}/resend`), { method: "POST" });
  const answer = await response.json();
  await poll();
  return response.ok ? `Sent again: the service answered ${answer.status}.` : answer.detail;
}

function line(exchange) {
  const { at, direction, kind, provider, phone, summary, request, response } = exchange;
  const heading = document.createElement("summary");
  const facts = [at.slice(11, 19), direction === "in" ? "→ Soko" : "Soko →", kind, provider === kind ? "" : provider, phone].filter(Boolean);
  heading.append(make("b", facts.join(" · ")), make("span", summary));
  const details = document.createElement("details");
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  details.append(heading, scrolled([`${request.method} ${request.path}`, ...headers, "", request.body].join("\n")));
  details.append(scrolled(`${response.status || "no answer"}\n\n${response.body}`), button("Copy as curl", () => copy(exchange)));
  if (direction === "in" && !["order", "api"].includes(kind) && !request.masked) details.append(button("Send again", () => resend(exchange)));
  const item = document.createElement("li");
  item.append(details);
  return item;
}

async function poll() {
  const question = ++asked;
  const answer = await fetch(at(`/simulator/wire?${new URLSearchParams({ ...Object.fromEntries(new FormData(filter)), since })}`));
  if (question !== asked || !answer.ok) return;
  const { data, next } = await answer.json();
  since = String(next);
  data.forEach((exchange) => log.prepend(line(exchange)));
  while (log.children.length > LONGEST_LOG) log.lastChild.remove();
}

function restart() {
  since = "";
  log.replaceChildren();
  poll();
}

filter.addEventListener("change", restart);
filter.addEventListener("submit", (event) => event.preventDefault());
panel.addEventListener("toggle", ({ target }) => target === panel && panel.open && poll());
document.addEventListener(NEWS, () => panel.open && poll().catch(() => {}));
