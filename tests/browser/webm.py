"""The WebM file around encoded VP9 frames: what a player needs to show them at their times, and to go to any of them.

A WebM file is a tree of elements (RFC 8794): an id, a size, and its data. https://www.webmproject.org/docs/container
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

EBML, SEGMENT, INFO, TRACKS, CLUSTER, CUES = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
APPLICATION = "Soko"
TRACK, VIDEO = 1, 1
NANOSECONDS_A_TICK = 1_000_000
KEY_FRAME, OTHER_FRAME = 0x80, 0x00


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """An encoded frame, and the millisecond at which it is shown. A player can begin at a key frame."""

    at_ms: int
    is_key: bool
    data: bytes


def webm(frames: Sequence[EncodedFrame], width: int, height: int) -> bytes:
    """The file. Raises ValueError if the first frame is no key frame."""
    if not frames or not frames[0].is_key:
        raise ValueError("a film begins with a key frame")
    head = _element(INFO, _info(frames[-1].at_ms)) + _element(TRACKS, _track(width, height))
    clusters, cues = b"", b""
    for part in _parts(frames):
        cues += _cue(part[0].at_ms, len(head) + len(clusters))
        clusters += _element(CLUSTER, _cluster(part))
    return _element(EBML, _header()) + _element(SEGMENT, head + clusters + _element(CUES, cues))


def _parts(frames: Sequence[EncodedFrame]) -> list[list[EncodedFrame]]:
    """The frames in parts that begin with a key frame."""
    parts: list[list[EncodedFrame]] = []
    for frame in frames:
        if frame.is_key:
            parts.append([])
        parts[-1].append(frame)
    return parts


def _header() -> bytes:
    versions = _number(0x4286, 1) + _number(0x42F7, 1) + _number(0x42F2, 4) + _number(0x42F3, 8)
    return versions + _element(0x4282, b"webm") + _number(0x4287, 4) + _number(0x4285, 2)


def _info(duration_ms: int) -> bytes:
    names = _element(0x4D80, APPLICATION.encode()) + _element(0x5741, APPLICATION.encode())
    return _number(0x2AD7B1, NANOSECONDS_A_TICK) + names + _element(0x4489, struct.pack(">d", duration_ms))


def _track(width: int, height: int) -> bytes:
    numbers = _number(0xD7, TRACK) + _number(0x73C5, TRACK) + _number(0x83, VIDEO) + _number(0x9C, 0)
    size = _number(0xB0, width) + _number(0xBA, height)
    return _element(0xAE, numbers + _element(0x86, b"V_VP9") + _element(0xE0, size))


def _cluster(frames: Sequence[EncodedFrame]) -> bytes:
    first = frames[0].at_ms
    return _number(0xE7, first) + b"".join(_block(frame, frame.at_ms - first) for frame in frames)


def _block(frame: EncodedFrame, after_ms: int) -> bytes:
    """Raises struct.error if the frame is more than 32 seconds after the first of its part."""
    head = bytes([0x80 | TRACK]) + struct.pack(">hB", after_ms, KEY_FRAME if frame.is_key else OTHER_FRAME)
    return _element(0xA3, head + frame.data)


def _cue(at_ms: int, offset: int) -> bytes:
    """Where the part that begins at this time is: `offset` bytes after the beginning of the segment's data."""
    return _element(0xBB, _number(0xB3, at_ms) + _element(0xB7, _number(0xF7, TRACK) + _number(0xF1, offset)))


def _number(id: int, value: int) -> bytes:
    return _element(id, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _element(id: int, data: bytes) -> bytes:
    return id.to_bytes((id.bit_length() + 7) // 8) + (len(data) | 1 << 56).to_bytes(8) + data
