// Shows the total for the number of pieces and the country that are chosen. Without it, a form whose total has changed
// comes back, and nothing is ordered.
"use strict";

const form = document.querySelector("form[data-totals]");
const decides = ["quantity", "ship_to.country"];
let newest = 0;

async function update() {
  const mine = ++newest;
  const query = new URLSearchParams(decides.map((name) => [name, form.elements[name].value]));
  const answer = await fetch(`${location.pathname}?${query}`);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("total");
  if (fresh && mine === newest) document.getElementById("total").replaceChildren(...fresh.childNodes);
}

form?.addEventListener("change", (event) => {
  if (decides.includes(event.target.name)) update().catch(() => {});
});
