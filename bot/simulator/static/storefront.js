/** The storefront: products on a shelf, and orders for them. */

import { make, page, price, wares } from "./dom.js";
import { ACTED, ask } from "./server.js";

const storefront = page.querySelector(".storefront");
const result = storefront.querySelector(".said");

const shelf = storefront.querySelector(".shelf");
let shownProducts = "";

/** Fetches the products and shows them. */
export async function showProducts() {
  const { data } = await ask("/api/v1/products?limit=100");
  const products = JSON.stringify(data);
  if (products === shownProducts) return; // an unchanged list keeps its focus and its selection
  shownProducts = products;
  const chosen = new FormData(storefront).get("product_id");
  const choice = data.find(({ id }) => id === chosen) ?? data[0];
  shelf.replaceChildren(...data.map((product) => onShelf(product, product === choice)));
  storefront.querySelector(".empty").hidden = data.length > 0;
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

function orderBody(phone) {
  const body = nested(new FormData(storefront));
  body.quantity = Number(body.quantity);
  body.buyer = { ...body.buyer, phone: phone, locale: "en" };
  body.ship_to = { name: body.buyer.name, ...body.ship_to };
  if (body.payment.by === "mpesa") body.payment.phone = body.buyer.phone;
  return body;
}

async function placeOrder(phone) {
  const button = storefront.querySelector(".button");
  button.disabled = true;
  result.textContent = "";
  try {
    const order = await ask("/simulator/orders", orderBody(phone));
    const next = order.status === "unpaid" ? "Look at the buyer’s phone." : "The artisan gets a text.";
    result.replaceChildren("Order ", make("b", order.code), ` is ${order.status}, ${price(order.total)}. ${next}`);
  } catch (refusal) {
    result.textContent = refusal.message;
  }
  button.disabled = false;
  document.dispatchEvent(new Event(ACTED));
}

/** Lets the form place orders; `phone` returns the buyer's number. */
export function takeOrders(phone) {
  storefront.addEventListener("submit", (event) => {
    event.preventDefault();
    placeOrder(phone());
  });
}
