/** Sets faults, and chooses the networks of phones. */

import { at } from "./server.js";

const section = document.querySelector(".faults");
const [faultForm, operatorForm] = section.querySelectorAll("form");
const said = section.querySelector(".fault-said");
const PROVIDERS = ["africastalking", "twilio", "daraja", "stripe"];

async function ask(method, path, body) {
  const options = { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
  const response = await fetch(at(`/simulator/${path}`), options);
  const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `The service answered ${response.status}.`);
  return answer;
}

/** The numbers of the phones on the page. */
export function phones() {
  const shown = [...document.querySelectorAll("[data-msisdn]")].map(({ dataset }) => dataset.msisdn);
  return shown.length ? shown : [...document.querySelectorAll("input.msisdn")].map(({ value }) => value);
}

function described({ name, fault, probability, seconds, hops, times, seed, struck }) {
  const facts = [
    `${fault.replace("_", " ")} at ${name}`,
    `probability ${probability}`,
    seconds && `${seconds} s`,
    hops && `after ${hops} hops`,
    times && `${times} times`,
    `seed ${seed}`,
    `struck ${struck}`,
  ];
  return facts.filter(Boolean).join(", ");
}

function line(rule) {
  const words = described(rule);
  const end = Object.assign(document.createElement("button"), { type: "button", className: "button quiet", textContent: "End" });
  end.setAttribute("aria-label", `End: ${words}`);
  end.addEventListener("click", () => perform(() => ask("DELETE", `faults/${rule.id}`)));
  const item = document.createElement("li");
  item.append(words, end);
  return item;
}

async function show() {
  const { data } = await ask("GET", "faults");
  section.querySelector(".rules").replaceChildren(...data.map(line));
  const targets = [...phones(), ...PROVIDERS].map((value) => Object.assign(document.createElement("option"), { value }));
  section.querySelector("datalist").replaceChildren(...targets);
}

async function showOperators() {
  const { data } = await ask("GET", "operators");
  const options = data.map(({ name, title }) => new Option(title, name));
  operatorForm.elements.operator.replaceChildren(...options);
}

/** Does something, says what went wrong, and shows the faults that are on. */
async function perform(act, words = "") {
  try {
    await act();
    said.textContent = words;
  } catch ({ message }) {
    said.textContent = message;
  }
  await show();
}

faultForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = [...new FormData(faultForm)].filter(([, value]) => value !== "");
  const body = Object.fromEntries(given.map(([name, value]) => [name, ["name", "fault"].includes(name) ? value : Number(value)]));
  body.target = PROVIDERS.includes(body.name) ? "provider" : "phone";
  perform(() => ask("POST", "faults", body));
});
operatorForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const { msisdn, operator } = Object.fromEntries(new FormData(operatorForm));
  perform(() => ask("PUT", `phones/${encodeURIComponent(msisdn)}`, { operator }), `${msisdn} is in the network ${operator}.`);
});
section.querySelector("details").addEventListener("toggle", ({ target }) => target.open && perform(showOperators));
