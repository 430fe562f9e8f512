"""Films the tour of the simulator while it plays itself: docs/tour.webm, and its last picture, docs/tour.webp.

script/film                     in English
script/film --language sw --into /tmp/ziara

Chromium shows, photographs and encodes; only the WebM file around the encoded frames is written here.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, serving_demo
from tests.browser.webm import EncodedFrame, webm

WIDTH, HEIGHT = 1366, 880
LEAST_GAP_S, LAST_FRAME_S = 0.1, 3.0
"""A frame that follows sooner replaces the one before; and how long the last one is shown."""
LONGEST_MS = 240_000
QUANTIZER = 40
"""How coarse the film is, from 0 to 63; letters can be read up to about 45."""
PICTURE_WIDTH = 1000
LARGEST_FILM = 3_000_000
"""In bytes; a larger one is not for the repository."""

ENCODE = """async ({pictures, width, height, quantizer, everyMs}) => {
    const frames = [];
    const base64 = bytes => btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
    const failed = Promise.withResolvers();
    const encoder = new VideoEncoder({
        output: chunk => {
            const bytes = new Uint8Array(chunk.byteLength);
            chunk.copyTo(bytes);
            frames.push({at: chunk.timestamp / 1000, isKey: chunk.type === "key", data: base64(bytes)});
        },
        error: failed.reject,
    });
    encoder.configure({codec: "vp09.00.31.08", width, height, bitrateMode: "quantizer", latencyMode: "quality"});
    let lastKey = -Infinity;
    for (const {at, data} of pictures) {
        const bytes = Uint8Array.from(atob(data), char => char.charCodeAt(0));
        const picture = await createImageBitmap(new Blob([bytes], {type: "image/jpeg"}));
        const frame = new VideoFrame(picture, {timestamp: at * 1000});
        const keyFrame = at - lastKey >= everyMs;
        if (keyFrame) lastKey = at;
        encoder.encode(frame, {keyFrame, vp9: {quantizer}});
        frame.close();
        picture.close();
        if (encoder.encodeQueueSize > 8) await encoder.flush();
    }
    await Promise.race([encoder.flush(), failed.promise]);
    return frames;
}"""
"""Encodes pictures as VP9, with a key frame every so often."""
KEY_EVERY_MS = 10_000


@dataclass
class Screencast:
    """The pictures of a page, each with the second at which it was shown."""

    cdp: CDPSession
    pictures: list[tuple[float, str]] = field(default_factory=list)

    def begin(self) -> None:
        self.cdp.on("Page.screencastFrame", self._keep)
        size = {"maxWidth": WIDTH, "maxHeight": HEIGHT}
        self.cdp.send("Page.startScreencast", {"format": "jpeg", "quality": 90, **size})

    def _keep(self, shown: dict[str, Any]) -> None:
        at = shown["metadata"]["timestamp"]
        if self.pictures and at - self.pictures[-1][0] < LEAST_GAP_S:
            at, _ = self.pictures.pop()  # the newer one is shown in its place
        self.pictures.append((at, shown["data"]))
        self.cdp.send("Page.screencastFrameAck", {"sessionId": shown["sessionId"]})

    def end(self) -> list[dict[str, Any]]:
        """The pictures with their milliseconds since the first; the last one twice, so that it is shown for a while."""
        self.cdp.send("Page.stopScreencast")
        first, (last, data) = self.pictures[0][0], self.pictures[-1]
        shown = [*self.pictures, (last + LAST_FRAME_S, data)]
        return [{"at": round((at - first) * 1000), "data": data} for at, data in shown]


def play(page: Page, server: str, language: str) -> None:
    """Open the tour and let it play to its end."""
    page.goto(f"{server}/simulator?lang={language}#tour")
    page.locator(".tour-steps li").first.wait_for()
    page.locator("main[data-ready]").wait_for()
    page.locator("[data-tour=play]").click()
    expect(page.locator(".tour-steps .done")).to_have_count(6, timeout=LONGEST_MS)
    page.mouse.move(0, 0)


def film(language: str) -> tuple[bytes, bytes]:
    """The film as WebM, and its last picture as PNG."""
    with TemporaryDirectory() as folder, serving_demo(Path(folder)) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        screencast = Screencast(page.context.new_cdp_session(page))
        screencast.begin()
        play(page, server, language)
        picture = page.screenshot()
        pictures = screencast.end()
        page.goto(f"{server}/how")  # encoders are for pages of a server only
        options = {"width": WIDTH, "height": HEIGHT, "quantizer": QUANTIZER, "everyMs": KEY_EVERY_MS}
        encoded = page.evaluate(ENCODE, {"pictures": pictures, **options})
        chromium.close()
    frames = [EncodedFrame(round(one["at"]), one["isKey"], base64.b64decode(one["data"])) for one in encoded]
    return webm(frames, WIDTH, HEIGHT), picture


def small(picture: bytes) -> bytes:
    """The picture as WebP, narrow enough for a page of text."""
    with Image.open(BytesIO(picture)) as image:
        scaled = image.convert("RGB").resize((PICTURE_WIDTH, HEIGHT * PICTURE_WIDTH // WIDTH), Image.Resampling.LANCZOS)
    written = BytesIO()
    scaled.save(written, "WEBP", quality=82, method=6)
    return written.getvalue()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/film", description="Films the tour of the simulator.")
    parser.add_argument("--language", default="en")
    parser.add_argument("--into", type=Path, default=ROOT / "docs/tour", help="the files' name, without its ending")
    chosen = parser.parse_args(arguments)
    moving, still = film(chosen.language)
    for ending, data in ((".webm", moving), (".webp", small(still))):
        path = chosen.into.with_name(chosen.into.name + ending)
        path.write_bytes(data)
        sys.stdout.write(f"{path}: {len(data):,} bytes\n")
    if len(moving) > LARGEST_FILM:
        sys.stdout.write(f"The film is larger than {LARGEST_FILM:,} bytes, so do not commit it.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
