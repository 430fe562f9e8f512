/** The log of webhook requests. */

import { make, page } from "./dom.js";

const LONGEST_LOG = 200;

export function showExchange({ method, path, body, status, answer }) {
  const log = page.querySelector(".wire ol");
  const first = answer.split("\n")[0];
  const line = make("summary", make("code", `${method} ${path}`), make("b", String(status)), make("span", first));
  const request = make("pre", body.replaceAll("&", "\n&"));
  log.prepend(make("li", make("details", line, request, make("pre", answer))));
  while (log.children.length > LONGEST_LOG) log.lastChild.remove();
}
