"""Uploads hostile pictures to the photo page, sixteen at a time, and prints the memory of this process.

python -m tests.bot.photos.hostile_uploads FOLDER 100     {"before": 97, "after": 101, "peak": 340, "answers": {…}}

In a process of its own, because memory is measured of a process.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from tests.bot import fixtures
from tests.bot.photos import camera
from tests.bot.photos.camera import photo
from tests.bot.web.test_photo_page import link, send
from tests.service import serving

THREADS = 16
SIDE = 3500
"""Just within the budget."""
HOSTILE = (
    lambda: camera.flat_png(SIDE),
    lambda: camera.flat_png(7000),
    lambda: photo(SIDE, SIDE, "WEBP", "RGBA", lossless=True, quality=0, method=0),
    lambda: photo(SIDE, SIDE, progressive=True),
    lambda: photo(7000, 7000),
    lambda: camera.flat_png(SIDE)[:-5000],
)


def megabytes(line: str) -> int:
    """A line of the kernel's account of this process, such as VmRSS."""
    (value,) = [text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith(f"{line}:")]
    return int(value.split()[1]) // 1024


def measure(folder: Path, uploads: int) -> dict[str, object]:
    files = [make() for make in HOSTILE]
    with serving(folder) as service:
        fixtures.seed_shop(service)
        path = link(service)
        with ThreadPoolExecutor(THREADS) as pool:

            def upload(file: bytes) -> str:
                return str(send(service, path, file).status_code)

            counted = Counter(pool.map(upload, [photo()] * THREADS))  # loads what every upload needs
            Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here on
            before = megabytes("VmRSS")
            counted = Counter(map(upload, files))
            counted.update(pool.map(upload, islice(cycle(files), uploads - len(files))))
        return {"before": before, "after": megabytes("VmRSS"), "peak": megabytes("VmHWM"), "answers": counted}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201 - for the test that starts it
