/** The controls of the service's clock, and the button that starts the shop afresh. */

import { handsets } from "./handsets.js";
import { keep } from "./keeping.js";
import { here } from "./place.js";
import { acted, ask } from "./server.js";

const controls = document.querySelector(".clock");
const more = controls.querySelector(".clock-more");
const said = controls.querySelector(".clock-said");
const toggle = controls.querySelector("[data-clock=toggle]");
const dialog = document.querySelector(".afresh");
let runs = true;

/** Lets the controls act. */
export function start() {
  for (const button of controls.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => move({ advance_seconds: Number(button.dataset.advance) }));
  }
  toggle.addEventListener("click", () => move({ runs: !runs }));
  controls.querySelector("[data-clock=now]").addEventListener("click", () => move({ back_to_now: true }));
  controls.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { count, unit } = event.target.elements;
    move({ advance_seconds: Number(count.value) * Number(unit.value) });
  });
  controls.querySelector("[data-clock=afresh]").addEventListener("click", () => dialog.showModal());
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", reset);
  more.addEventListener("keydown", ({ key }) => key === "Escape" && (more.open = false));
}

/** Shows whether the clock stands or runs, and how far it is ahead. */
export function showClock(clock) {
  runs = clock.runs;
  toggle.textContent = runs ? "Stop" : "Run";
  controls.classList.toggle("stands", !runs);
  document.querySelector("#now").title = runs ? "The clock runs." : "The clock stands.";
}

async function move(body) {
  try {
    showClock(await ask(`${here}/clock`, body));
    said.textContent = "";
  } catch ({ message }) {
    said.textContent = message;
  }
  acted();
}

async function reset(event) {
  event.preventDefault();
  const button = event.submitter;
  button.disabled = true;
  const { ok, status } = await fetch(`${here}/reset`, { method: "POST" });
  button.disabled = false;
  if (ok) startAfresh();
  else dialog.querySelector(".afresh-said").textContent = `The service answered ${status}.`;
}

/** Loads the page again with the same phones, of which none has been used. */
export function startAfresh() {
  keep(handsets.map(({ id, label, msisdn, model }) => ({ id, label, msisdn, model: model.value })));
  location.reload();
}
