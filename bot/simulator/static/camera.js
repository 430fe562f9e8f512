/** The camera of a phone: pictures of wares, or a file, as a phone would send them. */

import { page } from "./dom.js";
import { at } from "./server.js";

const DIALOG = page.querySelector(".camera-roll");
const FILE = DIALOG.querySelector("input");
const LONGEST_SIDE = 1280; // of a small camera; a picture of many megabytes would be refused
let taken = null; // resolves the question of the phone that asked last

DIALOG.addEventListener("close", () => give(null));
DIALOG.addEventListener("submit", (event) => event.preventDefault());
DIALOG.querySelector(".close").addEventListener("click", () => DIALOG.close());
FILE.addEventListener("change", () => FILE.files[0] && takeFile(FILE.files[0]));
for (const button of DIALOG.querySelectorAll("[data-ware]")) button.addEventListener("click", () => takeDrawing(button));

/** Asks for a picture; returns its `name`, `jpeg` and perhaps the URL of an `image` to show, or null. */
export function takePicture() {
  FILE.value = "";
  DIALOG.showModal();
  return new Promise((resolve) => (taken = resolve));
}

/** Sends a picture to the photo page at this path, as its form would; throws an error with the page's words if it is refused. */
export async function upload(path, { name, jpeg }) {
  const form = new FormData();
  form.append("photo", jpeg, `${name}.jpg`);
  const answer = await fetch(at(path), { method: "POST", body: form });
  if (answer.ok) return;
  const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
  throw new Error(shown.querySelector("p + p > b, h1 + p > b")?.textContent ?? `The service answered ${answer.status}.`);
}

function give(picture) {
  const resolve = taken;
  taken = null;
  resolve?.(picture);
  if (DIALOG.open) DIALOG.close();
}

async function takeFile(file) {
  const bitmap = await createImageBitmap(file).catch(() => null); // null for a file that is no picture
  const scale = bitmap && Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  give(bitmap && { name: file.name, jpeg: await asJpeg(bitmap, bitmap.width * scale, bitmap.height * scale) });
}

/** A drawing has no size of its own. */
async function takeDrawing(button) {
  const image = button.querySelector("img");
  await image.decode();
  give({ name: button.textContent.trim(), image: image.src, jpeg: await asJpeg(image, LONGEST_SIDE, LONGEST_SIDE * 0.75) });
}

function asJpeg(image, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(width), height: Math.round(height) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}
