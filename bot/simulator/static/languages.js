/** The present screen of a phone in all languages, side by side. */

import { cost, fill, make, page, segments } from "./dom.js";
import { current } from "./handsets.js";
import { ACTED, ask } from "./server.js";

const PANEL = page.querySelector(".languages");

export function start() {
  for (const event of [ACTED, "chosen", "phones"]) document.addEventListener(event, showScreens);
}

/** Shows the screens of the phone that was used last, if the panel is open. */
export async function showScreens() {
  const handset = current();
  if (!PANEL || PANEL.hidden || !handset) return;
  const by = handset.panel === handset.panels[1] ? "text" : "call";
  const { data } = await ask(`/simulator/screens?msisdn=${encodeURIComponent(handset.msisdn)}&by=${by}`);
  PANEL.querySelector("h2").textContent = `${handset.name}: this ${by === "call" ? "screen" : "text"} in all languages`;
  PANEL.querySelector(".empty").hidden = data.length > 0;
  PANEL.querySelector(".translations").replaceChildren(...data.map((each) => card(each, by)));
}

function card({ language, name, screen, size }, by) {
  const count = make("small", by === "call" ? fill(size) : `${segments(size)} · ${cost(size.cents)}`);
  const words = make("pre", screen.replace(/^(CON|END) /, ""));
  const shown = make("article.translation", make("h3", name), count, words);
  shown.lang = words.lang = language;
  return shown;
}
