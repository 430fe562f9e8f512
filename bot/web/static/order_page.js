// While a payment is open, looks again and shows what has changed. Without it, the whole page is loaded again.
"use strict";

const order = document.getElementById("order");
const seconds = Number(order.dataset.lookAgain);

async function look() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("order");
  if (fresh.querySelector("#state").textContent !== order.querySelector("#state").textContent) location.reload();
}

if (seconds) setInterval(() => look().catch(() => {}), seconds * 1000);
