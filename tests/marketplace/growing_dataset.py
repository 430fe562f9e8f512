"""A shop in which every list grows by the day, and the URLs that show its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from marketplace_api.accounts import api_keys, artisans, help_requests
from marketplace_api.catalogue import photos, products
from marketplace_api.events import webhooks
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, BuyerPayment, Kiosk, Order, Product
from marketplace_api.orders import briefs, orders, paying, receiving
from marketplace_api.payments import buyer_payments
from marketplace_api.payments.buyer_payments import AskedPrice
from tests.actors import TESTER
from tests.marketplace.conftest import request
from tests.service import Service

UNREACHABLE_URL = "http://127.0.0.1:9"
"""A URL where nothing listens."""


@dataclass
class DatasetStorefront:
    """A storefront with its API key and one webhook endpoint."""

    id: str
    key: str
    endpoint_id: str
    orders: list[str] = field(default_factory=list)
    """The ids of its orders, oldest first."""
    buyers: set[str] = field(default_factory=set)
    """The phones of its buyers."""


class GrowingDataset:
    """Two storefronts order from many artisans, and each person has a phone number of their own.

    Each day adds rows to every list. One artisan, with a product and a kiosk, is part of every day; all others are new.
    Artisans are paid on another phone than their own.
    """

    def __init__(self, service: Service, days: int, endpoints_url: str = UNREACHABLE_URL) -> None:
        self.phones: set[str] = set()
        """The phones of all people in the dataset."""
        self._service, self._numbers = service, count(711_000_001, 7919)
        with service.services.database.writing.begin() as session:
            self._shop = service.services.shop(session, TESTER)
            self.mine, self.theirs = (self._storefront(name, endpoints_url) for name in ("mine", "theirs"))
            self.kiosk = self._kiosk()
            self.artisan = self._artisan(self.kiosk, "pottery")
            self.product = self._product(self.artisan)
            self.unpaid = self._unpaid_order(self.mine)
            new_artisans = [self._day(number) for number in range(days)]
            self.brief = self._shared_brief(new_artisans)
            self._last_artisan = new_artisans[-1]
        service.work()

    def readable_urls(self) -> Iterator[tuple[str, str]]:
        """Each GET route of the API, with URLs whose answers show rows.

        Resources of the storefront `mine` come before those of `theirs`.
        """
        examples = self._examples()
        for route in self._routes():
            assert "{" not in route or route in examples, f"{route} is new: give it examples in {__name__}"
            for example in examples.get(route, [route]):
                yield route, example + ("&" if "?" in example else "?") + "limit=100"

    def _routes(self) -> list[str]:
        document = self._service.http.get("/api/v1/openapi.json").get_json()
        return [route for route, operations in document["paths"].items() if "get" in operations]

    def _examples(self) -> Mapping[str, Sequence[str]]:
        agent, artisan, artisan_of_kiosk = self.kiosk.agent_msisdn, self.artisan.msisdn, self._last_artisan.msisdn
        brief, code = self.brief, self.product.code
        storefronts = (self.mine, self.theirs)
        endpoints = [f"/webhook-endpoints/{whose.endpoint_id}" for whose in storefronts]
        (payout, *_) = self._service.api("GET", "/payouts")["data"]
        refunds = self._service.api("GET", "/refunds")["data"]
        mine, theirs = (next(one for one in refunds if one["order_id"] in whose.orders) for whose in storefronts)
        return {
            "/products/{product_id}": [f"/products/{self.product.id}"],
            "/artisans/{artisan_id}": [f"/artisans/{self.artisan.id}"],
            "/orders": ["/orders", f"/orders?artisan={self.artisan.id}"],
            "/orders/{order_id}": [f"/orders/{brief.id}", f"/orders/{self.theirs.orders[0]}"],
            "/orders/{order_id}/payments": [
                f"/orders/{self.unpaid.id}/payments",
                f"/orders/{theirs['order_id']}/payments",
            ],
            "/payments/{payment_id}": [f"/payments/{one['payment_id']}" for one in (mine, theirs)],
            "/refunds/{refund_id}": [f"/refunds/{one['id']}" for one in (mine, theirs)],
            "/storefronts/{key_id}/terms": [f"/storefronts/{whose.id}/terms" for whose in storefronts],
            "/storefronts/{key_id}/statement": [f"/storefronts/{whose.id}/statement" for whose in storefronts],
            "/artisans/{artisan_id}/statement": [f"/artisans/{self.artisan.id}/statement"],
            "/kiosks/{kiosk_id}": [f"/kiosks/{self.kiosk.id}"],
            "/kiosks/{kiosk_id}/float": [f"/kiosks/{self.kiosk.id}/float"],
            "/kiosks/{kiosk_id}/days/{day}": [f"/kiosks/{self.kiosk.id}/days/{self._service.clock():%Y-%m-%d}"],
            "/payouts/{payout_id}": [f"/payouts/{payout['id']}"],
            "/webhook-endpoints/{endpoint_id}": endpoints,
            "/webhook-endpoints/{endpoint_id}/deliveries": [f"{endpoint}/deliveries" for endpoint in endpoints],
            "/conversations/{msisdn}": [f"/conversations/{artisan}"],
            "/message-sums": [f"/message-sums?by={by}" for by in ("day", "dialogue", "order")],
            "/phones/{msisdn}": [f"/phones/{phone}" for phone in (artisan, agent)],
            "/phones/{msisdn}/products": [f"/phones/{artisan}/products"],
            "/phones/{msisdn}/orders": [f"/phones/{artisan}/orders"],
            "/phones/{msisdn}/expected/{code}": [f"/phones/{agent}/expected/{brief.code}"],
            "/phones/{msisdn}/awaited": [f"/phones/{agent}/awaited"],
            "/phones/{msisdn}/to-ship": [f"/phones/{agent}/to-ship"],
            "/phones/{msisdn}/bought/{code}": [f"/phones/{brief.buyer_msisdn}/bought/{brief.code}"],
            "/phones/{msisdn}/neighbours/{neighbour}": [f"/phones/{agent}/neighbours/{artisan_of_kiosk}"],
            "/phones/{msisdn}/photo-link/{code}": [f"/phones/{artisan}/photo-link/{code}"],
            "/phones/{msisdn}/earnings": [f"/phones/{artisan}/earnings"],
            "/phones/{msisdn}/cash": [f"/phones/{artisan}/cash"],
            "/phones/{msisdn}/day": [f"/phones/{agent}/day"],
        }

    # -- a day

    def _day(self, number: int) -> Artisan:
        """One more of everything; returns the new artisan of the kiosk."""
        kiosk = self._kiosk()
        guest, artisan_of_kiosk = self._artisan(kiosk, "baskets"), self._artisan(self.kiosk, "leather")
        self._received_order(self.mine, guest)
        self._received_order(self.theirs, artisan_of_kiosk)
        self._received_order(self.mine, self.artisan)
        self._accepted_order(self.theirs, self.artisan)
        self._brief(self.theirs, "pottery")
        for storefront in (self.mine, self.theirs):
            self._refunded_order(storefront)
        buyer_payments.lapse(self._shop, self._asked(self.unpaid).id)
        self._photo(self.product, number)
        help_requests.open_request(self._shop, self._phone())
        webhooks.create(self._shop, f"key_{number}", "operator", UNREACHABLE_URL, ["order.lost"])
        return artisan_of_kiosk

    def _shared_brief(self, artisans: list[Artisan]) -> Order:
        """A brief of which each of these artisans makes a part."""
        brief = self._brief(self.mine, artisans[0].craft, self.kiosk)
        for artisan in artisans:
            orders.accept(self._shop, artisan, brief.code, 1)
        return brief

    def _received_order(self, storefront: DatasetStorefront, artisan: Artisan) -> None:
        order = self._accepted_order(storefront, artisan)
        receiving.receive(self._shop, artisan.kiosk, order.assignments[0].id, order.quantity)

    def _accepted_order(self, storefront: DatasetStorefront, artisan: Artisan) -> Order:
        order = self._placed_order(storefront, artisan)
        orders.accept(self._shop, artisan, order.code)
        return order

    def _placed_order(self, storefront: DatasetStorefront, artisan: Artisan) -> Order:
        product = self._product(artisan)
        return self._remember(storefront, orders.place(self._shop, self._request(storefront), product.id, 1))

    def _unpaid_order(self, storefront: DatasetStorefront) -> Order:
        product = self._product(self.artisan)
        unpaid = replace(self._request(storefront), vouched=False)
        return self._remember(storefront, orders.place(self._shop, unpaid, product.id, 1))

    def _refunded_order(self, storefront: DatasetStorefront) -> None:
        """An order that its buyer paid, and of which a part goes back."""
        order = self._unpaid_order(storefront)
        payment = self._asked(order)
        paying.settle_captured(self._shop, payment.id, f"receipt of {order.code}")
        paying.give_back(self._shop, payment.id, 1_00)

    def _asked(self, order: Order) -> BuyerPayment:
        """A payment that the buyer was asked for on a phone."""
        price = AskedPrice(order.total, order.currency)
        payment = buyer_payments.create(self._shop, order, "mpesa", "simulator", price, msisdn=order.buyer_msisdn)
        return buyer_payments.begin_asking(self._shop, payment.id)

    def _brief(self, storefront: DatasetStorefront, craft: str, kiosk: Kiosk | None = None) -> Order:
        due_on = self._shop.today + timedelta(days=30)
        wanted = briefs.NewBrief("Many of them", craft, 500_00, 100, due_on, kiosk.id if kiosk else None)
        return self._remember(storefront, briefs.place(self._shop, self._request(storefront), wanted))

    def _request(self, storefront: DatasetStorefront) -> orders.NewOrder:
        return replace(request(storefront.id), buyer_msisdn=self._phone())

    def _remember(self, storefront: DatasetStorefront, order: Order) -> Order:
        storefront.orders.append(order.id)
        storefront.buyers.add(order.buyer_msisdn)
        return order

    # -- rows

    def _phone(self) -> str:
        phone = f"+254{next(self._numbers)}"
        self.phones.add(phone)
        return phone

    def _storefront(self, name: str, endpoints_url: str) -> DatasetStorefront:
        key = api_keys.create(self._shop, name, "storefront")
        caller = api_keys.find(self._shop.session, key, self._shop.now)
        assert caller
        return DatasetStorefront(
            caller.id, key, webhooks.create(self._shop, caller.id, caller.endpoint_scope, f"{endpoints_url}/{name}").id
        )

    def _kiosk(self) -> Kiosk:
        return kiosks.create(
            self._shop, name="Lakeside", town="Kisumu", agent_name="Otieno", agent_msisdn=self._phone()
        )

    def _artisan(self, kiosk: Kiosk, craft: str) -> Artisan:
        return artisans.register(
            self._shop,
            name="Akinyi",
            msisdn=self._phone(),
            language="en",
            craft=craft,
            kiosk_id=kiosk.id,
            payout_method="mobile_money",
            payout_msisdn=self._phone(),
        )

    def _product(self, artisan: Artisan) -> Product:
        """A product with a photo."""
        product = products.list_product(
            self._shop, artisan, title="Ware", category=artisan.craft, price=500_00, quantity=2
        )
        self._photo(product, 0)
        return product

    def _photo(self, product: Product, number: int) -> None:
        name = f"{product.id}_{number}"
        photos.attach(self._shop, product.code, id=f"pht_{name}", digest=name, width=1200, height=900)
