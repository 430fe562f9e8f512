"""What becomes of a picture: it is upright, small, and says nothing of who took it where."""

from __future__ import annotations

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


def test_where_it_was_taken_and_with_which_phone_stays_behind() -> None:
    sent = camera.with_exif()
    assert camera.opened(sent).getexif().get_ifd(camera.GPS)
    assert b"Soko One" in sent
    read = images.process(sent)

    for file in (read.large, read.small):
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
def test_it_stands_upright_however_the_phone_was_held(
    held: int, size: tuple[int, int], first: tuple[float, float], last: tuple[float, float]
) -> None:
    read = images.process(camera.with_exif(held))

    assert (read.width, read.height) == size
    for file in (read.large, read.small):
        assert camera.colour(camera.opened(file), *first) == "red"
        assert camera.colour(camera.opened(file), *last) == "blue"


@pytest.mark.parametrize(
    ("size", "large", "small"),
    [
        ((4000, 3000), (1200, 900), (320, 240)),  # 12 megapixels
        ((3000, 4000), (900, 1200), (240, 320)),
        ((320, 240), (320, 240), (320, 240)),  # as the simplest cameras take them; nothing is blown up
        ((8160, 6120), (1200, 900), (320, 240)),  # 50 megapixels
    ],
)
def test_it_is_as_large_as_pages_need_it(size: tuple[int, int], large: tuple[int, int], small: tuple[int, int]) -> None:
    read = images.process(photo(*size))

    assert (read.width, read.height) == large == camera.opened(read.large).size
    assert camera.opened(read.small).size == small
    assert len(read.large) < 100_000


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
def test_whatever_phones_write_becomes_a_jpeg(format: str, mode: str) -> None:
    read = images.process(photo(format=format, mode=mode))

    for file in (read.large, read.small):
        image = camera.opened(file)
        assert (image.format, image.mode) == ("JPEG", "RGB")


def test_what_shines_through_is_white() -> None:
    clear = camera.Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    file = camera.BytesIO()
    clear.save(file, "PNG")

    assert camera.opened(images.process(file.getvalue()).large).getpixel((100, 100)) == (255, 255, 255)


def test_the_same_file_has_the_same_digest_and_another_has_another() -> None:
    digests = [images.process(sent).digest for sent in (photo(), photo(), photo(quality=50))]

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (b"", UnreadableImageError),
        (b"This is a text, whatever it is called.", UnreadableImageError),
        (photo()[:4000], UnreadableImageError),
        (photo(format="BMP"), UnreadableImageError),
        (photo(format="TIFF"), UnreadableImageError),
        (b"%PDF-1.7\n" + b"\0" * 200, UnreadableImageError),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnreadableImageError),
        (camera.bomb(), ImageTooLargeError),
        (camera.bomb(10_000), ImageTooLargeError),
        (camera.bomb(7_100), ImageTooLargeError),
        (photo() + b"\0" * images.LARGEST_FILE, ImageTooLargeError),
        (photo(159, 400), ImageTooSmallError),
    ],
    ids=["nothing", "text", "cut", "bmp", "tiff", "pdf", "svg", "3.6G", "100M", "50.4M", "9MB", "small"],
)
def test_what_cannot_be_shown_is_refused(sent: bytes, refusal: type[UnusableImageError]) -> None:
    with pytest.raises(refusal):
        images.process(sent)


@given(
    sent=st.sampled_from([photo(200, 160, format) for format in images.FORMATS]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
@example(sent=photo(200, 160), changes=[], kept=1.0)
def test_a_broken_file_is_a_picture_or_is_refused(sent: bytes, changes: list[tuple[float, int]], kept: float) -> None:
    broken = bytearray(sent)
    for place, value in changes:
        broken[int(place * len(broken))] = value
    try:
        read = images.process(bytes(broken[: int(kept * len(broken))]))
    except UnusableImageError:
        return
    assert isinstance(read, ProcessedImage)
    assert camera.opened(read.large).size == (read.width, read.height)
