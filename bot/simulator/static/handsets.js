/** The row of phones: any number of them, who they belong to, and what is kept of them over a reload. */

import { page, make } from "./dom.js";
import { Handset } from "./handset.js";
import { CHANGED, keep, recall } from "./keeping.js";
import { acted, ask } from "./server.js";

const ROW = page.querySelector(".handsets");
const DIALOG = page.querySelector(".adding");
const FIRST = [
  { id: "artisan", label: "Artisan", msisdn: "+254711000111" },
  { id: "buyer", label: "Buyer", msisdn: "+254733000333" },
  { id: "agent", label: "Kiosk agent", msisdn: "+254722000222" },
];
const KINDS = {
  basic: { kind: "basic" },
  camera: { kind: "camera" },
  whatsapp: { kind: "whatsapp", model: "kaios", tab: 1 }, // KaiOS has it, on its larger screen
};
const NEW_NUMBERS = 254_711_000_301; // the first number for somebody new; the demo uses none above it

export let handsets = [];
/** The phone that was used last; undefined if there is none. */
export const current = () => handsets.find(({ element }) => element.classList.contains("current")) ?? handsets[0];

let people = [];

export function start() {
  (recall() ?? first()).forEach(put);
  document.addEventListener(CHANGED, keepAll);
  page.querySelector(".add").addEventListener("click", openDialog);
  DIALOG.querySelector(".close").addEventListener("click", () => DIALOG.close());
  DIALOG.querySelector("form").addEventListener("submit", addChosen);
  DIALOG.querySelector("[data-scene=three]").addEventListener("click", () => replaceAll(first()));
  DIALOG.querySelector("[data-scene=brief]").addEventListener("click", () => replaceAll(sharers()));
}

/** The phones of a new page. Before an application that has no shop of ours they are nobody's. */
function first() {
  return "noShop" in page.dataset ? FIRST.map((phone, index) => ({ ...phone, label: `Phone ${index + 1}` })) : FIRST;
}

function keepAll() {
  keep(handsets.map((handset) => handset.kept()));
}

function put(made) {
  const handset = new Handset(made);
  handsets.push(handset);
  ROW.append(handset.element);
  handset.showModel(); // what scrolls is known once the phone is on the page
  handset.element.addEventListener("focusin", () => choose(handset));
  handset.element.addEventListener("click", () => choose(handset));
  handset.number.addEventListener("focus", () => people.length || fetchPeople());
  handset.part(".remove").addEventListener("click", () => {
    remove(handset);
    page.querySelector(".add").focus();
  });
  document.dispatchEvent(new Event("phones"));
  return handset;
}

function choose(handset) {
  if (handset.element.classList.contains("current")) return;
  for (const { element } of handsets) element.classList.toggle("current", element === handset.element);
  document.dispatchEvent(new Event("chosen"));
}

function remove(handset) {
  if (handset.call) handset.hangUp();
  handsets = handsets.filter((other) => other !== handset);
  handset.element.remove();
  keepAll();
  document.dispatchEvent(new Event("phones"));
}

/** Puts these phones in place of all that are there. */
export function replaceAll(phones) {
  DIALOG.close();
  [...handsets].forEach(remove);
  phones.forEach(put);
  keepAll();
  acted();
}

/** Asks who has a phone, and offers them where a number is typed. */
async function fetchPeople() {
  ({ data: people } = await ask("/simulator/people").catch(() => ({ data: [] })));
  const options = people.map(({ msisdn, name, role }) => Object.assign(make("option", `${name}, ${role}`), { value: msisdn }));
  page.querySelector("#people").replaceChildren(...options);
}

/* Adding */

async function openDialog() {
  DIALOG.showModal();
  await fetchPeople();
  const used = new Set(handsets.map(({ msisdn }) => msisdn));
  const choices = people.filter(({ msisdn }) => !used.has(msisdn)).map((person) => {
    const about = [person.role, person.craft ?? person.kiosk, person.language, person.msisdn].filter(Boolean).join(", ");
    return Object.assign(make("option", `${person.name}: ${about}`), { value: person.msisdn });
  });
  DIALOG.querySelector("[name=who]").replaceChildren(Object.assign(make("option", `Somebody new: ${newNumber()}`), { value: "" }), ...choices);
  DIALOG.querySelector("[data-scene=brief]").disabled = sharers().length === 0;
}

function addChosen(event) {
  event.preventDefault();
  const person = people.find(({ msisdn }) => msisdn === DIALOG.querySelector("[name=who]").value);
  DIALOG.close();
  const kind = DIALOG.querySelector("[name=kind]").value;
  const handset = put({ id: newId(), label: person?.name ?? "Somebody new", msisdn: person?.msisdn ?? newNumber(), ...KINDS[kind] });
  keepAll();
  acted();
  handset.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  handset.entry.focus();
}

function newId() {
  const numbers = handsets.map(({ id }) => Number(id.replace("phone-", "")) || 0);
  return `phone-${Math.max(3, ...numbers) + 1}`;
}

function newNumber() {
  const used = new Set(handsets.map(({ msisdn }) => msisdn));
  let number = NEW_NUMBERS;
  while (used.has(`+${number}`)) number += 1;
  return `+${number}`;
}

/** The first two artisans with the same craft, a buyer and an agent; nobody if no two artisans have the same craft. */
function sharers() {
  const artisans = people.filter(({ role }) => role === "artisan");
  const pair = artisans.map(({ craft }) => artisans.filter((other) => other.craft === craft)).find(({ length }) => length > 1);
  if (!pair) return [];
  const [first, second] = pair.map(({ name, msisdn }, index) => ({ id: `artisan-${index + 1}`, label: name, msisdn }));
  return [first, second, ...FIRST.slice(1)];
}
