"""A storefront sees only the phone numbers of its own buyers; a client without a key sees none.

Every GET route of the OpenAPI document is read, in a shop where no two persons share a number. A new route needs
URLs in `growing_dataset.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from werkzeug.test import TestResponse

from tests.marketplace.growing_dataset import GrowingDataset
from tests.receivers import Receiver, receiving
from tests.service import OPERATOR_KEY, Service, serving

PUBLIC_ROUTES = {"/products", "/products/{product_id}", "/artisans/{artisan_id}"}
STOREFRONT_ROUTES = PUBLIC_ROUTES | {
    "/orders",
    "/orders/{order_id}",
    "/orders/{order_id}/payments",
    "/payments",
    "/payments/{payment_id}",
    "/refunds",
    "/refunds/{refund_id}",
    "/storefronts/{key_id}/statement",
    "/webhook-endpoints",
    "/webhook-endpoints/{endpoint_id}",
    "/webhook-endpoints/{endpoint_id}/deliveries",
}


@dataclass(frozen=True)
class DatasetReader:
    """A dataset of two days, and the receiver of its webhooks."""

    service: Service
    dataset: GrowingDataset
    receiver: Receiver

    def get(self, address: str, key: str | None) -> TestResponse:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.service.http.get(f"/api/v1{address}", headers=headers)

    def read(self, key: str | None) -> Iterator[tuple[str, TestResponse]]:
        """The answers of every route to a client with this key, or without one."""
        return ((route, self.get(address, key)) for route, address in self.dataset.readable_urls())

    def phones_seen(self, key: str | None) -> dict[str, set[str]]:
        """The phone numbers in the answers, by route."""
        found: dict[str, set[str]] = {}
        for route, answer in self.read(key):
            found.setdefault(route, set()).update(phones_in(self.dataset, f"{answer.headers}{answer.get_data(True)}"))
        return {route: phones for route, phones in found.items() if phones}


@pytest.fixture(scope="module")
def dataset_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatasetReader]:
    with serving(tmp_path_factory.mktemp("dataset")) as service, receiving() as receiver:
        yield DatasetReader(service, GrowingDataset(service, days=2, endpoints_url=receiver.url), receiver)


def phones_in(dataset: GrowingDataset, text: str) -> set[str]:
    """The known phone numbers in a text: in E.164, without the plus or in national form, with or without gaps."""
    without_gaps = re.sub(r"(?<=\d)[ ().-]+(?=\d)", "", text)
    return {phone for phone in dataset.phones if phone.removeprefix("+254") in without_gaps}


@pytest.mark.parametrize("written", ["+254711000001", "254711000001", "0711000001", "0711 000-001", '"x": "711000001"'])
def test_a_phone_number_is_found_in_every_spelling(dataset_reader: DatasetReader, written: str) -> None:
    assert phones_in(dataset_reader.dataset, f"Call {written} please") == {"+254711000001"}
    assert phones_in(dataset_reader.dataset, f"Call {written.replace('711', '712')} please") == set()


def test_an_operator_sees_every_phone_number(dataset_reader: DatasetReader) -> None:
    assert set().union(*dataset_reader.phones_seen(OPERATOR_KEY).values()) == dataset_reader.dataset.phones


def test_a_storefront_sees_only_the_phone_numbers_of_its_own_buyers(
    dataset_reader: DatasetReader,
) -> None:
    for storefront in (dataset_reader.dataset.mine, dataset_reader.dataset.theirs):
        phones_seen = dataset_reader.phones_seen(storefront.key)

        assert {route: phones - storefront.buyers for route, phones in phones_seen.items()} == {
            route: set() for route in phones_seen
        }
        assert phones_seen["/orders"] == storefront.buyers
        assert phones_seen.keys() == {
            *("/orders", "/orders/{order_id}", "/orders/{order_id}/payments"),
            *("/payments", "/payments/{payment_id}"),
        }


def test_without_a_key_no_phone_number_is_seen(dataset_reader: DatasetReader) -> None:
    assert dataset_reader.phones_seen(None) == {}


@pytest.mark.parametrize(("scope", "opened"), [("storefront", STOREFRONT_ROUTES), ("nobody", PUBLIC_ROUTES)])
def test_only_the_listed_routes_are_open(dataset_reader: DatasetReader, scope: str, opened: set[str]) -> None:
    """The other routes answer 401, 403 or 404, then 429 without a key, and no route answers another error."""
    key = dataset_reader.dataset.mine.key if scope == "storefront" else None
    answers = list(dataset_reader.read(key))

    assert {route for route, answer in answers if answer.status_code == 200} == opened
    assert {answer.status_code for _, answer in answers} <= {200, 401, 403, 404} | ({429} if key is None else set())


def test_a_storefront_sees_only_its_own_orders_and_endpoint(dataset_reader: DatasetReader) -> None:
    mine, theirs = dataset_reader.dataset.mine, dataset_reader.dataset.theirs
    for own, other in ((mine, theirs), (theirs, mine)):
        listed = {order["id"] for order in dataset_reader.get("/orders?limit=100", own.key).get_json()["data"]}
        endpoints = [one["id"] for one in dataset_reader.get("/webhook-endpoints", own.key).get_json()["data"]]

        assert listed == set(own.orders)
        assert {dataset_reader.get(f"/orders/{id}", own.key).status_code for id in own.orders} == {200}
        assert {dataset_reader.get(f"/orders/{id}", own.key).status_code for id in other.orders} == {404}
        assert endpoints == [own.endpoint_id]
        for ending in ("", "/deliveries"):
            assert dataset_reader.get(f"/webhook-endpoints/{other.endpoint_id}{ending}", own.key).status_code == 404
        for path in ("/payments", "/refunds"):
            shown = dataset_reader.get(f"{path}?limit=100", own.key).get_json()["data"]
            assert {one["order_id"] for one in shown} < set(own.orders)
        assert dataset_reader.get(f"/storefronts/{other.id}/statement", own.key).status_code == 404


def test_webhooks_of_a_storefront_have_only_the_phone_numbers_of_its_own_buyers(
    dataset_reader: DatasetReader,
) -> None:
    for name, storefront in (("mine", dataset_reader.dataset.mine), ("theirs", dataset_reader.dataset.theirs)):
        arrived = [one for one in dataset_reader.receiver.arrived if one.path.endswith(f"/{name}")]
        about = {one.data["id"] for one in arrived if one.type.startswith("order.")}

        assert (
            phones_in(dataset_reader.dataset, "\n".join(f"{one.headers}{one.body}" for one in arrived))
            == storefront.buyers
        )
        assert about == set(storefront.orders) - {dataset_reader.dataset.unpaid.id}
