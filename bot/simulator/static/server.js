/** Requests to the service. */

import { showExchange } from "./wire_log.js";

/** The event on the document after something was done that may have changed any phone or the shop. */
export const ACTED = "acted";

export async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(explain(answer, response));
  return answer;
}

function explain({ detail, errors = [] }, { status }) {
  const details = errors.map((error) => `${error.pointer.replace("#/", "")}: ${error.detail}`);
  return details.join(". ") || detail || `The service answered ${status}.`;
}

/** Lets the simulated carrier act, logs the requests that it posted, and returns the service's reply to a hop. */
export async function carry(path, body) {
  const { reply, wire } = await ask(`/simulator/${path}`, body);
  wire.forEach(showExchange);
  document.dispatchEvent(new Event(ACTED));
  return reply;
}
