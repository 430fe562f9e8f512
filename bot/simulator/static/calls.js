/** One call: what it is on the wire, and how long it lasts. It can be kept as JSON. */

import { callEndsAfterS, idleEndsAfterS, minutes, ussdCode } from "./dom.js";

export function newCall(msisdn) {
  const now = Date.now();
  return { session_id: newSessionId(), msisdn, code: ussdCode, typed: [], waiting: false, hops: 0, startedAt: now, lastAt: now };
}

export function onWire({ msisdn, session_id, code, typed }) {
  return { msisdn, session_id, code, text: typed.join("*") };
}

/** `*384*22*1*2#` dials `*384*22#` with the answers `1*2`. Returns these, `""` without any, or null for another code. */
export function answersIn(code) {
  const stem = ussdCode.slice(0, -1);
  const given = code.slice(stem.length, -1);
  const ours = code.startsWith(stem) && code.endsWith("#") && (given === "" || given.startsWith("*"));
  return ours ? given.slice(1) : null;
}

/** The clocks of a call; `isLate` once a real network would have ended it. */
export function clocks(call, now = Date.now()) {
  const [open, idle] = [(now - call.startedAt) / 1000, (now - call.lastAt) / 1000];
  const limits = `A network ends a call after ${minutes(callEndsAfterS)}, or ${minutes(idleEndsAfterS)} without an answer.`;
  return { open: minutes(open), idle: minutes(idle), isLate: open > callEndsAfterS || idle > idleEndsAfterS, limits };
}

/** In the format of Africa's Talking. `randomUUID` is not used, because outside localhost it needs https. */
function newSessionId() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return "ATUid_" + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
