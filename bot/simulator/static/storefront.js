/** The storefront: products on a shelf, orders for them, and briefs for many artisans. */

import { make, page, price, wares } from "./dom.js";
import { acted, ask } from "./server.js";

const storefront = page.querySelector(".storefront"); // null before an application that has no shop of ours
const result = storefront?.querySelector(".said");
const shelf = storefront?.querySelector(".shelf");
const buyers = storefront?.elements.buyer_phone;
const DAYS_TO_MAKE = 14;
let currency = "KES"; // until the price of a product says it
let buyer = "buyer"; // the id of the phone that orders, if it is among the phones

/** Lets the form place orders. */
export function start() {
  if (!storefront) return;
  storefront.addEventListener("submit", placeOrder);
  storefront.elements.kind.addEventListener("change", showKind);
  buyers.addEventListener("change", () => (buyer = buyers.value));
  showKind();
}

/** The phones from which somebody can order. */
export function showBuyers(handsets) {
  if (!storefront) return;
  const options = handsets.map(({ id, name, msisdn }) => {
    const option = Object.assign(make("option", `${name}, ${msisdn}`), { value: id, selected: id === buyer });
    option.dataset.msisdn = msisdn;
    return option;
  });
  const asText = (all) => [...all].map((option) => option.textContent).join("\n");
  if (asText(options) !== asText(buyers.options)) buyers.replaceChildren(...options); // an open list stays
}

/** The day by which a brief is due, unless one was typed; `now` is a time of the service's clock. */
export function showDay(now) {
  if (!storefront) return;
  const day = storefront.elements["brief.due_on"];
  day.value ||= new Date(now + DAYS_TO_MAKE * 86_400_000).toISOString().slice(0, 10);
}

function showKind() {
  for (const part of storefront.querySelectorAll("fieldset[data-kind]")) {
    part.hidden = part.disabled = part.dataset.kind !== storefront.elements.kind.value;
  }
}

/** Fetches the products and shows them. */
export async function showProducts() {
  if (!storefront) return;
  const { data } = await ask("/api/v1/products?limit=100");
  currency = data[0]?.price.currency ?? currency;
  const chosen = new FormData(storefront).get("product_id");
  const choice = data.find(({ id }) => id === chosen) ?? data[0];
  const focused = document.activeElement?.closest(".shelf") && document.activeElement.value;
  shelf.replaceChildren(...data.map((product) => onShelf(product, product === choice)));
  if (focused) shelf.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
  storefront.querySelector(".shelf + .empty").hidden = data.length > 0;
}

function onShelf(product, checked) {
  const radio = Object.assign(make("input"), { type: "radio", name: "product_id", value: product.id, checked, required: true });
  const picture = Object.assign(make("img"), { alt: "", src: product.photos[0]?.thumbnail_url ?? `${wares}${product.category}.svg` });
  picture.addEventListener("error", () => (picture.src = `${wares}other.svg`), { once: true });
  const facts = make("small", `${price(product.price)} · ${product.quantity} left · ${product.artisan.name}`);
  return make("label.ware-choice", radio, picture, make("span", make("b", product.title), facts));
}

/** Turns `{"buyer.name": "Joy"}` into `{buyer: {name: "Joy"}}`. */
function nested(entries) {
  const body = {};
  for (const [name, value] of entries) {
    const [last, parent] = name.split(".").reverse();
    const part = parent ? (body[parent] ??= {}) : body;
    part[last] = value;
  }
  return body;
}

function orderBody() {
  const { kind, buyer_phone: _, ...body } = nested(new FormData(storefront));
  const phone = buyers.selectedOptions[0].dataset.msisdn;
  if (kind === "product") body.quantity = Number(body.quantity);
  else body.brief = { ...body.brief, quantity: Number(body.brief.quantity), unit_price: { amount: Number(body.brief.unit_price) * 100, currency } };
  body.buyer = { ...body.buyer, phone, locale: "en" };
  body.ship_to = { name: body.buyer.name, ...body.ship_to };
  if (body.payment.by === "mpesa") body.payment.phone = body.buyer.phone;
  return body;
}

async function placeOrder(event) {
  event.preventDefault();
  const button = storefront.querySelector(".button");
  button.disabled = true;
  result.textContent = "";
  try {
    const order = await ask("/simulator/orders", orderBody());
    const next = order.status === "unpaid" ? "Look at the buyer’s phone." : order.brief ? "The artisans get a text." : "The artisan gets a text.";
    result.replaceChildren("Order ", make("b", order.code), ` is ${order.status}, ${price(order.total)}. ${next}`);
  } catch (refusal) {
    result.textContent = refusal.message;
  }
  button.disabled = false;
  acted();
}
