/** Requests to the service. */

import { showExchange } from "./wire_log.js";

/** The event on the document after something was done that may have changed any phone or the shop. */
export const ACTED = "acted";

/** The event on the document after an answer that says what is new. */
export const NEWS = "news";

const ROOT = new URL("../..", import.meta.url).pathname.slice(0, -1); // empty, or the path of a village

/** The path on this host of a path of the service, which may be whole already. */
export const at = (path) => (path.startsWith(`${ROOT}/`) ? path : ROOT + path);

export async function ask(path, body) {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const options = body && { method: "POST", ...(body instanceof FormData ? { body } : json) };
  const response = await fetch(at(path), options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(explain(answer, response));
  return answer;
}

function explain({ detail, errors = [] }, { status }) {
  const details = errors.map((error) => `${error.pointer.replace("#/", "")}: ${error.detail}`);
  return details.join(". ") || detail || `The service answered ${status}.`;
}

/** Lets the simulated carrier act, logs the requests that it posted, and returns its answer: the reply to a hop, a size. */
export async function carry(path, body) {
  const { wire, ...answer } = await ask(`/simulator/${path}`, body);
  wire.forEach(showExchange);
  acted();
  return answer;
}

export function acted() {
  document.dispatchEvent(new Event(ACTED));
}

let known = { path: "", etag: "" };

/** What is new of these phones and the shop; null if that is what was returned last. */
export async function news(msisdns) {
  const path = `/simulator/news?${new URLSearchParams(msisdns.map((msisdn) => ["msisdn", msisdn]))}`;
  const headers = known.path === path ? { "If-None-Match": known.etag } : {};
  const response = await fetch(at(path), { headers });
  if (response.status === 304) return null;
  if (!response.ok) throw new Error(`The service answered ${response.status}.`);
  const answer = await response.json();
  known = { path, etag: response.headers.get("ETag") };
  document.dispatchEvent(new Event(NEWS));
  return answer;
}
