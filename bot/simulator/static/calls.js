/** What a call is on the wire. */

export function onWire({ msisdn, session_id, code, typed }) {
  return { msisdn, session_id, code, text: typed.join("*") };
}

/** In the format of Africa's Talking. `randomUUID` is not used, because outside localhost it needs https. */
export function newSessionId() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return "ATUid_" + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
