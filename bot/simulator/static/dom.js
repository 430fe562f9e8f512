/** The page's main element and its settings, new elements, and how times and money are written. */

export const page = document.querySelector("main");
export const { ussdCode, shortCode, timezone, wares } = page.dataset;
export const callCents = Number(page.dataset.callCents);
export const [callEndsAfterS, idleEndsAfterS] = [Number(page.dataset.callEndsAfterS), Number(page.dataset.idleEndsAfterS)];

export const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: timezone });
export const dayAndTime = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: timezone,
});

export const inShillings = new Intl.NumberFormat("en");

export function price({ amount, currency }) {
  const format = new Intl.NumberFormat("en", {
    style: "currency", currency, currencyDisplay: "code", trailingZeroDisplay: "stripIfInteger",
  });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** What we pay for texts and calls, from hundredths of a shilling. */
export const cost = (cents) => `KES ${(cents / 100).toFixed(2)}`;

/** Seconds as `1:05`. */
export const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** How full a screen is, as the server counted it: `142/160 GSM-7`, or `64/80 UCS-2 because of ሰ`. */
export function fill({ units, most, encoding, outside }) {
  return `${units}/${most} ${encoding}${outside ? ` because of ${outside}` : ""}`;
}

/** The segments of a text, as the server counted them: `1 segment GSM-7`. */
export function segments({ segments: count, encoding, outside }) {
  return `${count} segment${count === 1 ? "" : "s"} ${encoding}${outside ? ` because of ${outside}` : ""}`;
}

/** A new element. `selector` is a tag with classes (`li.mine`); the children are nodes or text. */
export function make(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  element.append(...children);
  return element;
}

/** The text as nodes, with its URLs as links. */
export function withLinks(text) {
  return text.split(/(https?:\/\/\S+)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const link = make("a", part);
    Object.assign(link, { href: part, target: "_blank", rel: "noopener" });
    return link;
  });
}

/** The path of the page that a link leads to, if pictures are sent there; empty for any other link. */
export function photoPath({ href }) {
  const { pathname } = new URL(href);
  return /(^|\/)p\/[^/]+$/.test(pathname) ? pathname : "";
}

/** The element that a template holds, with `{phone}` in its ids and names replaced by `id`. */
export function fromTemplate(name, id) {
  const copy = document.createElement("template");
  copy.innerHTML = document.getElementById(name).innerHTML.replaceAll("{phone}", id);
  return copy.content.firstElementChild;
}
