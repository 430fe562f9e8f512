// The console's only script. Every page works without it; with it, parts of pages refresh themselves, passkeys can be
// used, and the size of a text is shown while it is typed.

const post = (url, csrf, body) =>
  fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": csrf, "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });

// -- parts that refresh themselves: <section data-refresh="URL" data-every="SECONDS">

async function refresh(part) {
  if (document.hidden) return;
  const answer = await fetch(part.dataset.refresh);
  if (answer.redirected) location.reload(); // the session is over
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  const isUsed = part.contains(document.activeElement);
  if (fresh && !isUsed && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  setInterval(() => refresh(part).catch(() => {}), Number(part.dataset.every) * 1000);
}

// -- passkeys: <section data-passkey="get|create" data-options data-answer data-csrf hidden>

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function questionOf(options) {
  const question = { ...options, challenge: bytes(options.challenge) };
  if (question.user) question.user = { ...question.user, id: bytes(question.user.id) };
  delete question.timeout;
  return question;
}

function answerOf(credential) {
  const { response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const parts = names.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: Object.fromEntries(parts) };
}

async function usePasskey(section) {
  const { passkey, options, answer, csrf } = section.dataset;
  const asked = await post(options, csrf);
  if (!asked.ok) throw new Error("This page is too old. Load it again.");
  const credential = await navigator.credentials[passkey]({ publicKey: questionOf(await asked.json()) });
  const done = await post(answer, csrf, answerOf(credential));
  const said = await done.json().catch(() => ({ refused: "There were too many attempts. Wait ten minutes." }));
  if (!done.ok) throw new Error(said.refused);
  location.assign(said.to);
}

for (const section of window.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
  const words = section.querySelector(".refusal");
  section.hidden = false;
  section.querySelector("button").addEventListener("click", () => {
    words.hidden = true;
    usePasskey(section).catch((error) => {
      words.textContent = error.name === "Error" ? error.message : "No passkey was used. Try again, or use a one-time code.";
      words.hidden = false;
    });
  });
}

// -- the size of a text: <textarea data-size="URL" data-csrf>, and its next sibling shows it

for (const area of document.querySelectorAll("[data-size]")) {
  let waiting;
  area.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const answer = await post(area.dataset.size, area.dataset.csrf, { text: area.value });
      if (answer.ok && !answer.redirected) area.nextElementSibling.innerHTML = await answer.text();
    }, 300);
  });
}
