"""The page behind a photo link, with forms as a browser sends them, and the pictures that it stores."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from threading import Event, Semaphore

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from bot.photos import images
from bot.photos.links import PhotoLinks
from bot.photos.uploads import MOST_UPLOADS
from flows import gsm7
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, POT, choose_language, execute_sql, products_titled
from tests.bot.photos import camera
from tests.bot.photos.camera import photo
from tests.service import Service
from tests.threads import together

TEXT_FIELD = '--b\r\nContent-Disposition: form-data; name="photo"\r\n\r\nwords\r\n--b--'
LINK_PATH = re.compile(r"https?://[^/]+(/p/\S+)$")


def link(service: Service) -> str:
    """The path of the link that Akinyi gets for the pot."""
    service.gateway.text(AKINYI, f"PHOTO {pot(service)['code']}")
    found = LINK_PATH.search(service.inbox(AKINYI)[-1])
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


# Uploading


def test_an_uploaded_picture_is_in_the_catalogue_and_on_the_pages(service: Service) -> None:
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


def test_a_product_without_a_picture_is_shown_with_a_drawing(embedded: Service) -> None:
    assert "/static/wares/pottery.svg" in embedded.http.get("/").text


@pytest.mark.parametrize("name", ["", "photo", "IMG 1.exe", "../../x.jpg", "ሥዕል.jpg"])
def test_the_name_of_the_file_does_not_matter(embedded: Service, name: str) -> None:
    path = link(embedded)

    assert send(embedded, path, photo(format="PNG"), name or "x").status_code == 200
    assert len(pot(embedded)["photos"]) == 1
    assert all(re.fullmatch(r"pht_[0-9a-z]{20}(-small)?\.jpg", file) for file in files(embedded))


@pytest.mark.every_store
def test_a_picture_that_is_sent_twice_or_several_times_at_once_is_stored_once(service: Service) -> None:
    path, file = link(service), photo()
    for _ in range(2):
        assert send(service, path, file).status_code == 200
    together(3, lambda n: service.app.test_client().post(path, data={"photo": (BytesIO(photo(320)), "b.jpg")}))

    assert [shown["width"] for shown in pot(service)["photos"]] == [320, 640]
    assert len(files(service)) == 4
    assert service.events().count("product.updated") == 2


def test_the_sixth_picture_replaces_the_first(embedded: Service) -> None:
    path = link(embedded)
    for width in range(201, 207):
        send(embedded, path, photo(width, 200))

    assert [shown["width"] for shown in pot(embedded)["photos"]] == [206, 205, 204, 203, 202]
    page = embedded.http.get(f"/products/{pot(embedded)['code']}").text
    links = [f'<a href="{shown["url"].removeprefix(embedded.settings.url)}">' for shown in pot(embedded)["photos"]]
    assert [page.count(link) for link in links] == [1] * 5
    assert len(files(embedded)) == 10


# Refusals


def test_while_one_upload_is_processed_two_wait_and_others_are_told_to_come_again(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, processing, may_end = link(embedded), Semaphore(0), Event()

    def process(sent: bytes) -> images.ProcessedImage:
        processing.release()
        assert may_end.wait(timeout=60)
        return processed

    processed = images.process(photo())
    monkeypatch.setattr(images, "process", process)
    with ThreadPoolExecutor(MOST_UPLOADS) as pool:
        uploads = [pool.submit(send, embedded, path, photo()) for _ in range(MOST_UPLOADS)]
        for _ in uploads:
            assert processing.acquire(timeout=60)
        refused = send(embedded, path, photo())
        may_end.set()
        assert [upload.result().status_code for upload in uploads] == [200] * MOST_UPLOADS
    assert refused.status_code == 503
    assert "Please send yours again in a minute." in refused.text
    assert send(embedded, path, photo()).status_code == 200


@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        (None, 400, "Please choose a photo first."),
        (b"", 400, "Please choose a photo first."),
        (b"A text that is named like a picture", 415, "We cannot read that."),
        (camera.bomb(), 413, "That picture is too large."),
        (photo(100, 100), 422, "That picture is too small."),
        (b"\xff" * (images.LARGEST_FILE + 1), 413, "That picture is too large."),
        (b"\xff" * (images.LARGEST_FILE * 2), 413, "That picture is too large."),
    ],
    ids=["none", "empty", "text", "bomb", "small", "9MB", "16MB"],
)
def test_a_refusal_is_explained_above_the_form(embedded: Service, file: bytes | None, status: int, words: str) -> None:
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
            TEXT_FIELD,
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_a_request_without_a_file_is_refused_with_words(embedded: Service, body: str, content_type: str) -> None:
    answer = embedded.http.post(link(embedded), data=body, content_type=content_type)

    assert (answer.status_code, "Please choose a photo first." in answer.text) == (400, True)


def test_the_photo_page_alone_accepts_large_requests(embedded: Service) -> None:
    file = photo(4000, 3000, quality=100, subsampling=0) + b"\0" * 5_000_000  # as many bytes as a real one

    assert send(embedded, link(embedded), file).status_code == 200
    assert pot(embedded)["photos"][0]["width"] == 1200
    assert embedded.http.post("/webhooks/africastalking/dev/sms", data={"text": "x" * 2_000_000}).status_code == 413


def test_a_withdrawn_product_accepts_no_picture(embedded: Service) -> None:
    path, code = link(embedded), pot(embedded)["code"]
    for text in (f"REMOVE {code}", "YES"):
        embedded.gateway.text(AKINYI, text)

    for answer in (embedded.http.get(path), send(embedded, path, photo())):
        assert answer.status_code == 410
        assert f"{code} is not on sale any more." in answer.text
    assert files(embedded) == []


# The link


def test_a_link_expires_after_90_days_and_then_says_how_to_get_another(embedded: Service) -> None:
    path, code = link(embedded), pot(embedded)["code"]
    embedded.later(days=90)
    assert embedded.http.get(path).status_code == 200
    embedded.later(seconds=1)
    for answer in (embedded.http.get(path), send(embedded, path, photo())):
        assert answer.status_code == 410
        assert f"This link is too old. Text PHOTO {code} to 22384 for a new one." in answer.text
    assert pot(embedded)["photos"] == []


@pytest.mark.parametrize("path", ["/p/x", "/p/K7P4.aSVmgA.mF3kz1Pq0vXw2LrT", "/p/..", "/p/ሥዕል", "/p/" + "x" * 3000])
def test_a_forged_link_is_answered_with_404_and_words(embedded: Service, path: str) -> None:
    answer = embedded.http.get(path)

    assert answer.status_code == 404
    assert "This link does not work. Text PHOTO to 22384 for a new one." in answer.text


def test_a_forged_link_is_answered_in_a_language_of_the_browser(embedded: Service) -> None:
    answer = embedded.http.get("/p/x", headers={"Accept-Language": "de, fr;q=0.8, en;q=0.5"})

    assert "Ce lien ne marche pas." in answer.text


def test_a_link_is_for_one_product_and_no_character_can_be_changed(embedded: Service) -> None:
    fixtures.add_product(embedded, AKINYI, "Cooking pot")
    path, other = link(embedded), products_titled(embedded, "Cooking pot")[0]["code"]
    changed = [path.replace(pot(embedded)["code"], other)]
    changed += [path[:n] + ("B" if path[n] != "B" else "C") + path[n + 1 :] for n in range(len("/p/"), len(path))]

    assert {send(embedded, one, photo()).status_code for one in changed} == {404}
    assert send(embedded, path, photo()).status_code == 200
    assert products_titled(embedded, "Cooking pot")[0]["photos"] == []


def test_a_link_signed_with_another_secret_is_refused(embedded: Service) -> None:
    now = embedded.clock()
    token = PhotoLinks("", [b"another secret"]).link(pot(embedded)["code"], now)

    assert embedded.http.get(token).status_code == 404


@pytest.mark.parametrize(("age", "status"), [(0, 200), (90, 200), (91, 410), (365, 410), (-1, 410)])
def test_a_link_carries_its_own_age(embedded: Service, age: int, status: int) -> None:
    issued_at = embedded.clock() - timedelta(days=age)
    link = embedded.services.photo_links.link(pot(embedded)["code"], issued_at)

    assert embedded.http.get(link.removeprefix(embedded.settings.url)).status_code == status


@pytest.mark.parametrize("code", ["K7P4", "K7P4M2W3A4"])
def test_a_link_is_short_and_ends_with_a_character_that_phones_link(embedded: Service, code: str) -> None:
    link = PhotoLinks("https://a-shop-of-a-long-name.example.ke", [b"secret"]).link(code, embedded.clock())

    assert len(link) <= 77
    assert gsm7.septets(link) == len(link)
    assert re.search(r"[A-Za-z0-9_-]$", link)


# The page


@pytest.mark.parametrize(
    ("language", "ask"),
    [
        ("en", "Choose a photo"),
        ("sw", "Chagua picha"),
        ("fr", "Choisissez une photo"),
        ("am", "ፎቶ ይምረጡ"),
    ],
)
def test_the_page_is_in_the_artisans_language_and_needs_no_script(embedded: Service, language: str, ask: str) -> None:
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


def test_the_page_is_not_cached_and_has_the_security_headers(embedded: Service) -> None:
    for path in (link(embedded), "/p/x"):
        headers = embedded.http.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_title_is_escaped(embedded: Service) -> None:
    path = link(embedded)
    execute_sql(embedded, "UPDATE product SET title = '<b>Pot</b> {title}'")

    assert "&lt;b&gt;Pot&lt;/b&gt; {title}" in embedded.http.get(path).text


# The picture files


def test_a_picture_is_cached_for_a_year_and_revalidated(embedded: Service) -> None:
    send(embedded, link(embedded), photo())
    path = pot(embedded)["photos"][0]["url"].removeprefix(embedded.settings.url)
    with embedded.http.get(path) as first:
        headers = first.headers
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    with embedded.http.get(path, headers={"If-None-Match": headers["ETag"]}) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("file", ["pht_none.jpg", "..%2Fsoko.db", "soko.db", "pht_a.png", "pht_a/../../soko.db"])
def test_no_other_file_is_served(embedded: Service, file: str) -> None:
    assert embedded.http.get(f"/photos/{file}").status_code == 404


# The text with the link


def test_during_a_call_the_link_is_sent_by_text(embedded: Service) -> None:
    choose_language(embedded, "en", AKINYI)
    screen = fixtures.dial(embedded, AKINYI, "2", "1", "4")
    path = LINK_PATH.search(embedded.inbox(AKINYI)[-1])

    assert screen == "END We text you a link. Open it on a phone with internet to send a photo of Clay water pot."
    assert path
    assert send(embedded, path[1], photo()).status_code == 200


def test_an_artisan_gets_no_link_for_the_product_of_another(embedded: Service) -> None:
    fixtures.add_artisan(embedded, "+254711000104", "Beatrice", embedded.kiosk()["id"])
    embedded.gateway.text("+254711000104", f"PHOTO {pot(embedded)['code']}")

    assert embedded.inbox("+254711000104") == [
        "You have nothing on sale yet. Choose Sell something, or text SELL.",
    ]
