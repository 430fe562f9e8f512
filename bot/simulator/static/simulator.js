/**
 * The simulator in the browser: three phones, a storefront, a clock and a log of webhook requests.
 *
 * The server posts what a carrier would post, and returns the answer and the requests that were posted.
 */

import { dayAndTime, page } from "./dom.js";
import { Handset } from "./handset.js";
import { ACTED, ask } from "./server.js";
import { showProducts, takeOrders } from "./storefront.js";

const POLL_EVERY_MS = 2000;

async function moveClock(seconds) {
  const { now } = await ask("/simulator/clock", { advance_seconds: seconds });
  document.querySelector("#now").textContent = dayAndTime.format(new Date(now));
  refresh();
}

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

takeOrders(() => handsets[1].msisdn);
document.addEventListener(ACTED, refresh);
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => moveClock(Number(button.dataset.advance)));
}
setInterval(() => document.hidden || refresh(), POLL_EVERY_MS);
moveClock(0);
refresh().then(() => (page.dataset.ready = ""));
