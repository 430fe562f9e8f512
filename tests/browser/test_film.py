"""The WebM file around encoded frames, read back element by element. `script/film` makes the film itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.browser import webm
from tests.browser.webm import EncodedFrame

SECOND_CLUSTER_MS = 5000
FRAMES = [
    EncodedFrame(0, True, b"first"),
    EncodedFrame(1500, False, b"second"),
    EncodedFrame(SECOND_CLUSTER_MS, True, b"third"),
]


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The id and the data of each element, one after another."""
    while data:
        width = 9 - data[0].bit_length()
        size = int.from_bytes(data[width : width + 8]) & ~(1 << 56)
        end = width + 8 + size
        assert end <= len(data)
        yield int.from_bytes(data[:width]), data[width + 8 : end]
        data = data[end:]


def test_a_film_has_its_frames_at_their_times_in_clusters_that_begin_with_a_key_frame() -> None:
    (head_id, head), (segment_id, segment) = elements(webm.webm(FRAMES, 1366, 880))
    assert (head_id, segment_id) == (webm.EBML, webm.SEGMENT)
    assert b"webm" in head
    parts = list(elements(segment))
    assert [id for id, _ in parts] == [webm.INFO, webm.TRACKS, webm.CLUSTER, webm.CLUSTER, webm.CUES]
    assert struct.pack(">d", SECOND_CLUSTER_MS) in parts[0][1]
    first, second = ([data for _, data in elements(part)] for part in (parts[2][1], parts[3][1]))
    assert first == [b"\0", b"\x81\x00\x00\x80first", b"\x81" + struct.pack(">h", 1500) + b"\x00second"]
    assert second == [SECOND_CLUSTER_MS.to_bytes(2), b"\x81\x00\x00\x80third"]


def test_each_cue_leads_to_a_cluster() -> None:
    _, (_, segment) = elements(webm.webm(FRAMES, 1366, 880))
    *_, (_, cues) = elements(segment)
    positions = [dict(elements(dict(elements(cue))[0xB7]))[0xF1] for _, cue in elements(cues)]
    for position in positions:
        assert segment[int.from_bytes(position) :].startswith(webm.CLUSTER.to_bytes(4))
    assert len(positions) == 2


def test_a_film_that_begins_in_between_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with a key frame"):
        webm.webm(FRAMES[1:], 1366, 880)
