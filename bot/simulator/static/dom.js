/** The page's main element and its settings, new elements, and how times and money are written. */

export const page = document.querySelector("main");
export const { ussdCode, shortCode, timezone, wares } = page.dataset;

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
