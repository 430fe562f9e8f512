"""The page behind a photo link, posted to as a browser does it, and the pictures it leads to."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from bot.photos import images
from bot.photos.links import PhotoLinks
from flows import gsm7
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, POT, choose_language, execute_sql, products_titled
from tests.bot.photos import camera
from tests.bot.photos.camera import photo
from tests.service import Service
from tests.threads import together

WORDS_FOR_A_FILE = '--b\r\nContent-Disposition: form-data; name="photo"\r\n\r\nwords\r\n--b--'
PLACE = re.compile(r"https?://[^/]+(/p/\S+)$")


def link(service: Service) -> str:
    """Where the link leads that Akinyi gets for her pot, as her browser asks for it."""
    service.gateway.text(AKINYI, f"PHOTO {pot(service)['code']}")
    found = PLACE.search(service.inbox(AKINYI)[-1])
    assert found
    return found[1]


def pot(service: Service) -> dict:
    return products_titled(service, POT)[0]


def send(service: Service, path: str, file: bytes | None, name: str = "DSC0001.JPG") -> TestResponse:
    form = {} if file is None else {"photo": FileStorage(BytesIO(file), name)}
    boundary, body = encode_multipart(form)
    return service.http.post(path, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def files(service: Service) -> list[str]:
    folder = Path(service.settings.photos_dir)
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def shown_at(service: Service, url: str) -> camera.Image.Image:
    with service.http.get(url.removeprefix(service.settings.url)) as answer:
        assert answer.status_code == 200
        return camera.opened(answer.get_data())


# -- the way of a picture


def test_a_picture_that_is_sent_is_in_the_catalogue_and_on_the_page(service: Service) -> None:
    answer = send(service, link(service), camera.with_exif(camera.TURNED_LEFT))
    (shown,) = pot(service)["photos"]

    assert answer.status_code == 200
    assert "Thank you" in answer.text
    assert shown["thumbnail_url"].removeprefix(service.settings.url) in answer.text
    assert (shown["width"], shown["height"]) == (480, 640) == shown_at(service, shown["url"]).size
    assert shown_at(service, shown["thumbnail_url"]).size == (240, 320)
    assert service.events()[-1] == "product.updated"
    code = pot(service)["code"]
    large, small = (shown[size].removeprefix(service.settings.url) for size in ("url", "thumbnail_url"))
    assert f'src="{large}"' in service.http.get(f"/products/{code}").text
    assert f'src="{small}"' in service.http.get("/").text


def test_without_a_picture_the_shop_draws_one(embedded: Service) -> None:
    assert "/static/wares/pottery.svg" in embedded.http.get("/").text


@pytest.mark.parametrize("name", ["", "photo", "IMG 1.exe", "../../x.jpg", "ሥዕል.jpg"])
def test_what_a_file_is_called_does_not_matter(embedded: Service, name: str) -> None:
    path = link(embedded)

    assert send(embedded, path, photo(format="PNG"), name or "x").status_code == 200
    assert len(pot(embedded)["photos"]) == 1
    assert all(re.fullmatch(r"pht_[0-9a-z]{20}(-small)?\.jpg", file) for file in files(embedded))


def test_a_picture_sent_twice_or_by_two_hands_at_once_is_one(service: Service) -> None:
    path, file = link(service), photo()
    for _ in range(2):
        assert send(service, path, file).status_code == 200
    together(3, lambda n: service.app.test_client().post(path, data={"photo": (BytesIO(photo(320)), "b.jpg")}))

    assert [shown["width"] for shown in pot(service)["photos"]] == [320, 640]
    assert len(files(service)) == 4
    assert service.events().count("product.updated") == 2


def test_the_sixth_takes_the_place_of_the_first(embedded: Service) -> None:
    path = link(embedded)
    for width in range(201, 207):
        send(embedded, path, photo(width, 200))

    assert [shown["width"] for shown in pot(embedded)["photos"]] == [206, 205, 204, 203, 202]
    page = embedded.http.get(f"/products/{pot(embedded)['code']}").text
    assert [page.count(shown["url"].removeprefix(embedded.settings.url)) for shown in pot(embedded)["photos"]] == [
        1
    ] * 5
    assert len(files(embedded)) == 10


# -- what is refused


@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        (None, 400, "Please choose a photo first."),
        (b"", 400, "Please choose a photo first."),
        (b"A text that is called a picture", 415, "We cannot read that."),
        (camera.bomb(), 413, "That picture is too large."),
        (photo(100, 100), 422, "That picture is too small."),
        (b"\xff" * (images.LARGEST_FILE + 1), 413, "That picture is too large."),
        (b"\xff" * (images.LARGEST_FILE * 2), 413, "That picture is too large."),
    ],
    ids=["none", "empty", "text", "bomb", "small", "9MB", "16MB"],
)
def test_a_refusal_has_words_and_the_form_again(embedded: Service, file: bytes | None, status: int, words: str) -> None:
    answer = send(embedded, link(embedded), file, "picture.jpg")

    assert answer.status_code == status
    assert words in answer.text
    assert 'type="file"' in answer.text
    assert pot(embedded)["photos"] == []
    assert files(embedded) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("photo=x", "application/x-www-form-urlencoded"),
        ('{"photo": 1}', "application/json"),
        ("", ""),
        ("--b\r\nnonsense", "multipart/form-data; boundary=b"),
        ("--b\r\nnonsense", "multipart/form-data"),
        (
            WORDS_FOR_A_FILE,
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_what_is_no_form_with_a_file_is_refused_with_words(embedded: Service, body: str, content_type: str) -> None:
    answer = embedded.http.post(link(embedded), data=body, content_type=content_type)

    assert (answer.status_code, "Please choose a photo first." in answer.text) == (400, True)


def test_a_picture_of_twelve_megapixels_is_taken_and_other_pages_take_no_such_body(embedded: Service) -> None:
    file = photo(4000, 3000, quality=100, subsampling=0) + b"\0" * 5_000_000  # as heavy as a real one

    assert send(embedded, link(embedded), file).status_code == 200
    assert pot(embedded)["photos"][0]["width"] == 1200
    assert embedded.http.post("/webhooks/africastalking/dev/sms", data={"text": "x" * 2_000_000}).status_code == 413


def test_a_product_that_was_withdrawn_takes_no_picture_and_says_so(embedded: Service) -> None:
    path, code = link(embedded), pot(embedded)["code"]
    embedded.gateway.text(AKINYI, f"REMOVE {code}")

    for answer in (embedded.http.get(path), send(embedded, path, photo())):
        assert answer.status_code == 410
        assert f"{code} is not on sale any more." in answer.text
    assert files(embedded) == []


# -- the link


def test_a_link_lives_for_ninety_days_and_then_says_how_to_get_another(embedded: Service) -> None:
    path, code = link(embedded), pot(embedded)["code"]
    embedded.later(days=90)
    assert embedded.http.get(path).status_code == 200
    embedded.later(seconds=1)
    for answer in (embedded.http.get(path), send(embedded, path, photo())):
        assert answer.status_code == 410
        assert f"This link is too old. Text PHOTO {code} to 22384 for a new one." in answer.text
    assert pot(embedded)["photos"] == []


@pytest.mark.parametrize("path", ["/p/x", "/p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT", "/p/..", "/p/ሥዕል", "/p/" + "x" * 3000])
def test_what_is_no_link_is_said_to_be_none(embedded: Service, path: str) -> None:
    answer = embedded.http.get(path)

    assert answer.status_code == 404
    assert "This link does not work. Text PHOTO to 22384 for a new one." in answer.text


def test_who_opens_a_wrong_link_is_answered_in_a_language_of_her_browser(embedded: Service) -> None:
    answer = embedded.http.get("/p/x", headers={"Accept-Language": "de, fr;q=0.8, en;q=0.5"})

    assert "Ce lien ne marche pas." in answer.text


def test_a_link_opens_one_product_and_no_letter_of_it_can_be_changed(embedded: Service) -> None:
    fixtures.add_product(embedded, AKINYI, "Cooking pot")
    path, other = link(embedded), products_titled(embedded, "Cooking pot")[0]["code"]
    changed = [path.replace(pot(embedded)["code"], other)]
    changed += [path[:n] + ("B" if path[n] != "B" else "C") + path[n + 1 :] for n in range(len("/p/"), len(path))]

    assert {send(embedded, one, photo()).status_code for one in changed} == {404}
    assert send(embedded, path, photo()).status_code == 200
    assert products_titled(embedded, "Cooking pot")[0]["photos"] == []


def test_another_secret_opens_nothing(embedded: Service) -> None:
    now = embedded.clock()
    token = PhotoLinks("", b"another secret").link(pot(embedded)["code"], now)

    assert embedded.http.get(token).status_code == 404


@pytest.mark.parametrize(("age", "status"), [(0, 200), (90, 200), (91, 410), (365, 410), (-1, 410)])
def test_a_link_is_as_old_as_it_says(embedded: Service, age: int, status: int) -> None:
    given_at = embedded.clock() - timedelta(days=age)
    link = embedded.services.photo_links.link(pot(embedded)["code"], given_at)

    assert embedded.http.get(link.removeprefix(embedded.settings.url)).status_code == status


@pytest.mark.parametrize("code", ["K7P4", "K7P4M2W3A4"])
def test_a_link_is_short_and_ends_where_phones_see_its_end(embedded: Service, code: str) -> None:
    link = PhotoLinks("https://a-shop-of-a-long-name.example.ke", b"secret").link(code, embedded.clock())

    assert len(link) <= 77
    assert gsm7.septets(link) == len(link)
    assert re.search(r"[A-Za-z0-9_-]$", link)


# -- the page


@pytest.mark.parametrize(
    ("language", "ask"),
    [
        ("en", "Choose a photo"),
        ("sw", "Chagua picha"),
        ("fr", "Choisissez une photo"),
        ("am", "ፎቶ ይምረጡ"),
    ],
)
def test_it_speaks_her_language_and_needs_no_script(embedded: Service, language: str, ask: str) -> None:
    path = link(embedded)
    execute_sql(embedded, f"UPDATE artisan SET language = '{language}'")
    answer = embedded.http.get(path)

    assert f'lang="{language}"' in answer.text
    assert ask in answer.text
    assert POT in answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    assert len(answer.data) < 2000
    assert not re.search(r"<script|<style|style=|\bon\w+=|https?:", answer.text)
    assert answer.text.count("<form") == answer.text.count('enctype="multipart/form-data"') == 1


def test_it_is_kept_nowhere_and_protects_whoever_opens_it(embedded: Service) -> None:
    for path in (link(embedded), "/p/x"):
        headers = embedded.http.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_title_is_shown_as_it_is_written(embedded: Service) -> None:
    path = link(embedded)
    execute_sql(embedded, "UPDATE product SET title = '<b>Pot</b> {title}'")

    assert "&lt;b&gt;Pot&lt;/b&gt; {title}" in embedded.http.get(path).text


# -- the pictures


def test_a_picture_is_kept_by_browsers_for_a_year_and_asked_for_again_costs_nothing(embedded: Service) -> None:
    send(embedded, link(embedded), photo())
    path = pot(embedded)["photos"][0]["url"].removeprefix(embedded.settings.url)
    with embedded.http.get(path) as first:
        headers = first.headers
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    with embedded.http.get(path, headers={"If-None-Match": headers["ETag"]}) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("file", ["pht_none.jpg", "..%2Fsoko.db", "soko.db", "pht_a.png", "pht_a/../../soko.db"])
def test_nothing_else_in_the_folder_or_beside_it_is_shown(embedded: Service, file: str) -> None:
    assert embedded.http.get(f"/photos/{file}").status_code == 404


# -- the text


def test_on_a_call_the_link_is_texted(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    said = fixtures.dial(embedded, AKINYI, "2", "1", "4")
    path = PLACE.search(embedded.inbox(AKINYI)[-1])

    assert said == "END We text you a link. Open it on a phone with internet to send a photo of Clay water pot."
    assert path
    assert send(embedded, path[1], photo()).status_code == 200


def test_the_link_of_anothers_product_is_not_given(embedded: Service) -> None:
    fixtures.add_artisan(embedded, "+254711000104", "Beatrice", embedded.kiosk()["id"])
    embedded.gateway.text("+254711000104", f"PHOTO {pot(embedded)['code']}")

    assert embedded.inbox("+254711000104") == [
        "You have nothing on sale yet. Choose Sell something, or text SELL.",
    ]
