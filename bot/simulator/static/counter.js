/** Behind the counter: orders, purses, payouts, books and jobs as they change, and each step of the story. */

import { clockTime, dayAndTime, make, page, price } from "./dom.js";
import { here } from "./place.js";
import { ask } from "./server.js";

const panel = page.querySelector(".counter");
let newest = ""; // the numbers of the last news
let shown = ""; // those that were the newest when the panel was filled
let followed = null; // the code of the order whose story is shown; null for the newest

/** Takes the numbers of the news; what they stand for is asked for only if they have changed and the panel is open. */
export function changed(numbers) {
  newest = String(numbers);
  show();
}

/** Fills the panel if it is open and older than the news. */
export async function show() {
  if (panel.hidden || shown === newest) return;
  const asked = newest;
  const { story, orders, payouts, books, jobs } = await ask(`${here}/counter${followed ? `?order=${followed}` : ""}`);
  shown = asked;
  showStory(story);
  fill("orders", orders.map((order) => orderRow(order, story.about)));
  fill("payouts", payouts.map(payoutRow));
  fill("balances", books.balances.map(({ account, ...money }) => row([account], [price(money), "money"])));
  panel.querySelector(".sums").textContent = books.sums.map((sum) => `sum ${price(sum)}, ${books.count} entries`).join("; ");
  panel.querySelector(".entries").replaceChildren(...books.entries.map(entry));
  panel.querySelector(".waiting").textContent = `${jobs.waiting} wait${jobs.dead ? `, ${jobs.dead} dead` : ""}`;
  panel.querySelector(".jobs").replaceChildren(...jobs.first.map(job));
}

function showStory({ about, steps }) {
  panel.querySelector(".about").textContent = about ? `of order ${about}` : "";
  const list = panel.querySelector(".story");
  list.replaceChildren(...steps.map(step));
}

function step({ step: name, state, at, note }) {
  const facts = [at && clockTime.format(new Date(at)), note].filter(Boolean).join(", ");
  const item = make("li", make("b", name), make("small", facts || { next: "next", failed: "not any more" }[state] || ""));
  item.dataset.state = state;
  if (state === "next") item.setAttribute("aria-current", "step");
  return item;
}

/** A table's rows; without any, the words instead of it. */
function fill(name, rows) {
  const table = panel.querySelector(`.${name}`);
  table.querySelector("tbody").replaceChildren(...rows);
  table.hidden = rows.length === 0;
  table.previousElementSibling.hidden = rows.length > 0;
}

function row(...cells) {
  return make("tr", ...cells.map(([content, name]) => make(`td${name ? `.${name}` : ""}`, ...[content].flat())));
}

function orderRow({ code, what, status, paid, total, purse, needed }, about) {
  const button = Object.assign(make("button.follow", code), { type: "button", title: `The story of ${code}` });
  button.setAttribute("aria-pressed", code === about);
  button.addEventListener("click", () => follow(code));
  const money = purse.amount === needed.amount ? [] : [make("small", `needs ${price(needed)}`)];
  const cells = [
    [[button, make("small", `${what}, ${price(total)}`)]],
    [[status.replace("_", " "), make("small", paid.replace("_", " "))]],
    [[price(purse), ...money], "money"],
  ];
  return row(...cells);
}

async function follow(code) {
  followed = code;
  shown = "";
  await show();
  panel.querySelector("[aria-pressed=true]")?.focus();
}

function payoutRow({ code, order, artisan, method, amount, status, why }) {
  const about = [artisan, order && `order ${order}`, method === "kiosk_cash" ? "cash" : "by phone"].filter(Boolean).join(", ");
  return row([[make("b", code), make("small", about)]], [[status.replace("_", " "), make("small", why.replace("_", " "))]], [price(amount), "money"]);
}

function entry({ note, at, postings }) {
  const lines = postings.map(({ account, ...money }) => make("li", make("span", account), make("span.money", price(money))));
  return make("li", make("b", note), make("small", dayAndTime.format(new Date(at))), make("ul", ...lines));
}

function job({ kind, due_at: due, attempts, is_dead: isDead, error }) {
  const when = isDead ? "dead" : `due ${dayAndTime.format(new Date(due))}`;
  const tried = attempts ? `tried ${attempts} time${attempts === 1 ? "" : "s"}` : "";
  return make("li", make("b", kind.replaceAll("_", " ")), make("small", [when, tried, error].filter(Boolean).join(", ")));
}
