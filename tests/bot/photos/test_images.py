"""Processing a picture: it becomes upright and small, and loses its metadata."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.photos import images
from bot.photos.images import (
    ImageTooLargeError,
    ImageTooSmallError,
    ProcessedImage,
    UnreadableImageError,
    UnusableImageError,
)
from tests.bot.photos import camera
from tests.bot.photos.camera import photo


def test_metadata_is_removed() -> None:
    sent = camera.with_exif()
    assert camera.opened(sent).getexif().get_ifd(camera.GPS)
    assert b"Soko One" in sent
    processed = images.process(sent)

    for file in (processed.large, processed.small):
        assert not camera.opened(file).getexif()
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(camera.opened(file).info)
        assert b"Soko One" not in file
        assert b"kitchen" not in file


@pytest.mark.parametrize(
    ("held", "size", "first", "last"),
    [
        (1, (640, 480), (0.5, 0.1), (0.5, 0.9)),
        (camera.UPSIDE_DOWN, (640, 480), (0.5, 0.9), (0.5, 0.1)),
        (camera.TURNED_LEFT, (480, 640), (0.9, 0.5), (0.1, 0.5)),
    ],
)
def test_a_picture_is_turned_upright_however_the_phone_was_held(
    held: int, size: tuple[int, int], first: tuple[float, float], last: tuple[float, float]
) -> None:
    processed = images.process(camera.with_exif(held))

    assert (processed.width, processed.height) == size
    for file in (processed.large, processed.small):
        assert camera.colour(camera.opened(file), *first) == "red"
        assert camera.colour(camera.opened(file), *last) == "blue"


@pytest.mark.parametrize(
    ("size", "large", "small"),
    [
        ((4000, 3000), (1200, 900), (320, 240)),  # 12 megapixels
        ((3000, 4000), (900, 1200), (240, 320)),
        ((320, 240), (320, 240), (320, 240)),  # the size of the simplest cameras
        ((8160, 6120), (1200, 900), (320, 240)),  # 50 megapixels
    ],
)
def test_a_picture_is_shrunk_to_two_sizes_but_never_enlarged(
    size: tuple[int, int], large: tuple[int, int], small: tuple[int, int]
) -> None:
    processed = images.process(photo(*size))

    assert (processed.width, processed.height) == large == camera.opened(processed.large).size
    assert camera.opened(processed.small).size == small
    assert len(processed.large) < 100_000


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("GIF", "P"),
        ("WEBP", "RGB"),
    ],
)
def test_every_format_and_mode_becomes_an_rgb_jpeg(format: str, mode: str) -> None:
    processed = images.process(photo(format=format, mode=mode))

    for file in (processed.large, processed.small):
        image = camera.opened(file)
        assert (image.format, image.mode) == ("JPEG", "RGB")


def test_transparent_parts_become_white() -> None:
    clear = camera.Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    file = camera.BytesIO()
    clear.save(file, "PNG")

    assert camera.opened(images.process(file.getvalue()).large).getpixel((100, 100)) == (255, 255, 255)


def test_only_the_same_file_has_the_same_digest() -> None:
    digests = [images.process(sent).digest for sent in (photo(), photo(), photo(quality=50))]

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (lambda: b"", UnreadableImageError),
        (lambda: b"This is a text, whatever it is called.", UnreadableImageError),
        (lambda: photo()[:4000], UnreadableImageError),
        (lambda: photo(format="BMP"), UnreadableImageError),
        (lambda: photo(format="TIFF"), UnreadableImageError),
        (lambda: b"%PDF-1.7\n" + b"\0" * 200, UnreadableImageError),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnreadableImageError),
        (camera.bomb, ImageTooLargeError),
        (lambda: camera.bomb(10_000), ImageTooLargeError),
        (lambda: camera.bomb(7_100), ImageTooLargeError),
        (lambda: camera.flat_png(3_600), ImageTooLargeError),
        (lambda: photo(3_600, 3_600, progressive=True), ImageTooLargeError),
        (lambda: photo() + b"\0" * images.LARGEST_FILE, ImageTooLargeError),
        (lambda: photo(159, 400), ImageTooSmallError),
    ],
    ids=[
        "nothing",
        "text",
        "cut",
        "bmp",
        "tiff",
        "pdf",
        "svg",
        "3.6G",
        "100M",
        "50.4M",
        "13M png",
        "13M progressive",
        "9MB",
        "small",
    ],
)
def test_a_file_that_cannot_be_shown_is_refused(sent: Callable[[], bytes], refusal: type[UnusableImageError]) -> None:
    with pytest.raises(refusal):
        images.process(sent())


@given(
    sent=st.sampled_from([photo(200, 160, format) for format in images.FORMATS]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
@example(sent=photo(200, 160), changes=[], kept=1.0)
def test_a_damaged_file_is_processed_or_refused(sent: bytes, changes: list[tuple[float, int]], kept: float) -> None:
    broken = bytearray(sent)
    for place, value in changes:
        broken[int(place * len(broken))] = value
    try:
        processed = images.process(bytes(broken[: int(kept * len(broken))]))
    except UnusableImageError:
        return
    assert isinstance(processed, ProcessedImage)
    assert camera.opened(processed.large).size == (processed.width, processed.height)
