/**
 * The simulator in the browser: phones, a storefront, a clock and a log of webhook requests.
 *
 * The server posts what a carrier would post, and returns the answer and the requests that were posted.
 */

import * as clockControls from "./clock.js";
import { dayAndTime, page } from "./dom.js";
import * as phones from "./handsets.js";
import * as languages from "./languages.js";
import * as panels from "./panels.js";
import { ACTED, news } from "./server.js";
import * as storefront from "./storefront.js";

const hasShop = !("noShop" in page.dataset); // false before another application, whose shop this page does not know
const counter = hasShop ? await import("./counter.js") : null;
const transcripts = hasShop ? await import("./transcripts.js") : null;

const POLL_MS = 2000;
const QUIET_POLL_MS = 5000;
const QUIET_AFTER_MS = 60_000; // since anything was done or was new

let clock = { runs: true, ahead_s: 0 }; // the service's: how far it is ahead of the browser's, or when it stands
let began; // the time of the last reset; undefined before the first answer
let shop = null; // the number of the last event in the shop whose products are shown
let stirredAt = Date.now();

const now = () => (clock.runs ? Date.now() + clock.ahead_s * 1000 : Date.parse(clock.stands_at));

/** Asks for what is new on all phones and in the shop, and fetches only that. A failure is tried again at the next poll. */
async function refresh() {
  try {
    const answer = await news(phones.handsets.map(({ msisdn }) => msisdn));
    if (answer) await show(answer);
  } catch {
    // the service is being restarted, or a number is being typed
  }
}

async function show({ phones: found, shop: newest, counter: numbers, clock: shown, began: begun }) {
  if (began !== undefined && begun !== began) {
    clockControls.startAfresh();
    return;
  }
  stirredAt = Date.now();
  [clock, began] = [shown, begun];
  clockControls.showClock(clock);
  tick();
  counter?.changed([newest, ...numbers]);
  storefront.showDay(now());
  const updates = phones.handsets.filter(({ msisdn }) => found[msisdn]).map((handset) => handset.update(found[handset.msisdn]));
  const isNew = newest !== shop;
  shop = newest;
  await Promise.allSettled([...updates, ...(isNew ? [storefront.showProducts()] : [])]);
  storefront.showBuyers(phones.handsets);
  document.dispatchEvent(new Event("news"));
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, Date.now() - stirredAt < QUIET_AFTER_MS ? POLL_MS : QUIET_POLL_MS);
}

function tick() {
  const shown = dayAndTime.format(now());
  const output = document.querySelector("#now");
  if (output.textContent !== shown) output.textContent = shown;
  for (const handset of phones.handsets) if (handset.call) handset.showCounts();
}

phones.start();
panels.start(() => {
  languages.showScreens();
  counter?.show();
  transcripts?.list();
});
languages.start();
clockControls.start();
transcripts?.start();
storefront.start();
document.addEventListener("phones", () => storefront.showBuyers(phones.handsets));
storefront.showBuyers(phones.handsets);
document.addEventListener(ACTED, () => {
  stirredAt = Date.now();
  storefront.showBuyers(phones.handsets);
  refresh();
});
tick();
setInterval(tick, 1000);
if (document.querySelector("#tour")) (await import("./tour.js")).start(); // not with a shop elsewhere
poll().then(() => (page.dataset.ready = ""));
