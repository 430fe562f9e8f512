/** Transcripts: what was played is recorded, saved, played on the phones, and compared with what is answered today. */

import { make, page } from "./dom.js";
import * as performing from "./performing.js";
import { here } from "./place.js";
import { ask } from "./server.js";

const panel = page.querySelector(".transcripts");
const opened = panel.querySelector(".opened");
const shown = panel.querySelector(".transcript");
const said = panel.querySelector(".transcript-said");
const download = panel.querySelector(".download");
const saving = panel.querySelector(".saving");
const tests = panel.querySelector(".from-tests select");
let transcript = { name: "", text: "" };
let isCheckout = false;
let url = "";

/** Lets the panel act. */
export function start() {
  on("record", "It is played once more to write the answers …", record);
  on("perform", "Playing …", perform);
  on("compare", "Playing it on today’s service …", compare);
  panel.querySelector("input[type=file]").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (file) open(file.name.replace(/\.txt$/, ""), await file.text());
    target.value = "";
  });
  tests.addEventListener("change", () => tests.value && attempt("Reading …", openTest));
  saving.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt("Saving …", save);
  });
}

/** Lists the transcripts of the checkout when the panel is opened first. */
export async function list() {
  if (panel.hidden || tests.options.length > 1) return;
  const { data, is_checkout: found } = await ask(`${here}/transcripts`).catch(() => ({ data: [], is_checkout: false }));
  isCheckout = found;
  panel.querySelector(".from-tests").hidden = !found;
  tests.append(...data.map((name) => make("option", name)));
}

function on(name, words, act) {
  const button = panel.querySelector(`[data-transcript=${name}]`);
  button.addEventListener("click", () => attempt(words, act, button));
}

async function attempt(words, act, button = null) {
  said.textContent = words;
  if (button) button.disabled = true;
  try {
    said.textContent = (await act()) ?? "";
  } catch ({ message }) {
    said.textContent = message;
  }
  if (button) button.disabled = false;
}

async function textOf(response) {
  if (response.ok) return response.text();
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `The service answered ${response.status}.`);
}

async function record() {
  open("recorded", await textOf(await fetch(`${here}/transcripts`, { method: "POST" })));
  return "This is what was played since the shop began.";
}

async function openTest() {
  open(tests.value, await textOf(await fetch(`${here}/transcripts/${tests.value}`)));
}

function open(name, text) {
  transcript = { name, text };
  opened.hidden = false;
  opened.querySelector("h3").textContent = name;
  saving.hidden = !isCheckout;
  shown.textContent = text;
  URL.revokeObjectURL(url);
  url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  Object.assign(download, { href: url, download: `${name}.txt` });
  said.textContent = "";
}

async function save() {
  const { path } = await ask(`${here}/transcripts/saved`, { name: saving.elements.name.value, text: transcript.text });
  return `Saved as ${path}. script/test plays it from now on.`;
}

async function compare() {
  const { parts } = await ask(`${here}/transcripts/compare`, { text: transcript.text });
  shown.replaceChildren(...parts.map(([kind, text]) => (kind === "same" ? text : make(kind === "gone" ? "del" : "ins", text))));
  const first = shown.querySelector("del, ins");
  first?.scrollIntoView({ block: "center" });
  const count = parts.filter(([kind]) => kind !== "same").length;
  return count ? "Struck out is what the transcript says, underlined what is answered today." : "Today all is answered as in the transcript.";
}

async function perform() {
  const isWhole = await performing.perform(transcript.text, () => Number(panel.querySelector(".speed").value));
  return isWhole ? "That was all." : "Stopped.";
}
