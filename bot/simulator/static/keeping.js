/** Keeps the phones over a reload of the page: who has them, the open call, and what was typed and sent. */

const NAME = `soko.simulator ${new URL("../..", import.meta.url).pathname}`; // each village has phones of its own
const VERSION = 1;

export const CHANGED = "kept";

/** What was kept in this tab; null if nothing, or if another version kept it. */
export function recall() {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  return kept?.version === VERSION ? kept.phones : null;
}

export function keep(phones) {
  sessionStorage.setItem(NAME, JSON.stringify({ version: VERSION, phones }));
}

/** Tells that a phone has changed and should be kept. */
export function changed() {
  document.dispatchEvent(new Event(CHANGED));
}
