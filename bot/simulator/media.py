"""The pictures that simulated phones sent: files from which the simulated Twilio serves them."""

from __future__ import annotations

import re
from pathlib import Path

from bot.runtime.settings import Settings

_ID = re.compile(r"ME[0-9a-f]{32}")


def put(settings: Settings, id: str, picture: bytes) -> None:
    """Store a picture where every process finds it; `id` is `ME` and 32 hexadecimal digits."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / id).write_bytes(picture)


def find(settings: Settings, id: str) -> bytes | None:
    """The picture with this id, or None; any process may have stored it."""
    file = _folder(settings) / id
    return file.read_bytes() if _ID.fullmatch(id) and file.exists() else None


def _folder(settings: Settings) -> Path:
    return Path(settings.photos_dir) / "sent"
