/**
 * The tour: the steps of the story, each ticked off when it is done, and what to do next. It can play by itself.
 *
 * The server says what is next; it knows it from the shop and from the stored conversations, however a step was done.
 */

import { make, page } from "./dom.js";
import * as phones from "./handsets.js";
import { ACTED, ask } from "./server.js";
import { choose, Player } from "./tour_player.js";

const NAME = "soko.tour";
const LABELS = { artisan: "Amina", buyer: "Joy", agent: "Otieno" };
const TOUR = document.querySelector("#tour");
const STEPS = TOUR.querySelector(".tour-steps");
const LANGUAGE = TOUR.querySelector(".tour-language");
const button = (name) => TOUR.querySelector(`[data-tour=${name}]`);
const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "{}"); // { msisdns, language }: as long as the tab is open
kept.language ??= new URLSearchParams(location.search).get("lang");

let shown = null; // the last answer of the server
let prepared = null; // the product that was chosen in the storefront for the visitor
let asked = 0; // how often it was asked, so that an older answer does not replace a newer one
const player = new Player({ state: refresh, ended: showKeys });

export function start() {
  for (const event of [ACTED, "news"]) document.addEventListener(event, () => TOUR.hidden || player.isPlaying || refresh());
  document.querySelector("[data-tour=open]").addEventListener("click", open);
  button("play").addEventListener("click", () => (player.isPlaying ? player.stop() : play()));
  button("again").addEventListener("click", () => begin().then(play));
  button("close").addEventListener("click", close);
  LANGUAGE.addEventListener("change", () => keep({ language: LANGUAGE.value }) || refresh());
  if (location.hash === "#tour") open();
}

function keep(changes) {
  sessionStorage.setItem(NAME, JSON.stringify(Object.assign(kept, changes)));
}

async function open() {
  TOUR.hidden = false;
  await (kept.msisdns ? refresh() : begin());
}

function close() {
  player.stop();
  TOUR.hidden = true;
  mark(null);
  history.replaceState(null, "", location.pathname + location.search);
  document.querySelector("[data-tour=open]").focus();
}

/** Begins the tour with the phones of three people, of whom the artisan is new. */
async function begin() {
  player.stop();
  try {
    keep({ msisdns: await ask(TOUR.dataset.phones) });
  } catch ({ message }) {
    TOUR.querySelector(".tour-say").textContent = message;
    return;
  }
  phones.replaceAll(Object.entries(LABELS).map(([id, label]) => ({ id, label, msisdn: kept.msisdns[id] })));
  await refresh();
}

function play() {
  const going = player.play();
  showKeys();
  return going;
}

/** Asks where the tour is, shows it, and returns it. */
async function refresh() {
  const query = new URLSearchParams(kept.msisdns);
  if (kept.language) query.set("lang", kept.language);
  asked += 1;
  const own = asked;
  const state = await ask(`${TOUR.dataset.state}?${query}`);
  if (own === asked) show(state);
  return state;
}

function show(state) {
  shown = state;
  keep({ language: state.language });
  TOUR.lang = state.language;
  TOUR.querySelector("h2").textContent = state.words.heading;
  STEPS.replaceChildren(...state.steps.map((step) => shownStep(step, state)));
  const step = state.steps.find(({ name }) => name === state.step);
  TOUR.querySelector(".tour-say").replaceChildren(...(step ? [make("span", step.text), " "] : []), make("b", state.next.say));
  LANGUAGE.replaceChildren(...state.languages.map(([code, name]) => Object.assign(make("option", name), { value: code, lang: code, selected: code === state.language })));
  LANGUAGE.ariaLabel = state.labels.language;
  for (const name of ["again", "close"]) button(name).textContent = state.words[name];
  showKeys();
  mark(state.next);
  if (state.next.how === "shop" && state.next.typed !== prepared && choose(state.next.typed)) prepared = state.next.typed;
}

function shownStep({ name, title, is_done: isDone }, { step, labels }) {
  const item = make("li", title);
  if (isDone) item.append(make("span.unseen", ` (${labels.done})`));
  item.classList.toggle("done", isDone);
  item.title = title;
  if (name === step) item.ariaCurrent = "step";
  return item;
}

function showKeys() {
  if (!shown) return;
  button("play").textContent = shown.words[player.isPlaying ? "stop" : "play"];
  button("play").hidden = shown.step === null;
}

/** Marks the phone, or the storefront, that is used next. */
function mark(next) {
  const target = next && (next.how === "shop" ? page.querySelector(".storefront") : phones.handsets.find(({ id }) => id === next.phone)?.element);
  for (const marked of page.querySelectorAll(".tour-target")) if (marked !== target) marked.classList.remove("tour-target");
  target?.classList.add("tour-target");
}
