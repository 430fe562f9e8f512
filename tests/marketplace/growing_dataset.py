"""A shop where everything that can be read grows with each day of the fair, and the addresses at which to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from marketplace_api.accounts import api_keys, artisans, help_requests
from marketplace_api.catalogue import photos, products
from marketplace_api.events import webhooks
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Kiosk, Order, Product
from marketplace_api.orders import briefs, orders, receiving
from tests.marketplace.conftest import request
from tests.service import Service

NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass
class DatasetStorefront:
    """Somebody who orders through the API, and has one webhook endpoint."""

    id: str
    key: str
    endpoint_id: str
    orders: list[str] = field(default_factory=list)
    """Their ids, oldest first."""
    buyers: set[str] = field(default_factory=set)
    """The phones of those it ordered for."""


class GrowingDataset:
    """Two storefronts order of many artisans, and everybody has a phone number of her own.

    One artisan, one product of hers and the agent of her kiosk have a part in every day; all others come for one.
    Artisans are paid on yet another phone.
    """

    def __init__(self, service: Service, days: int, endpoints_url: str = NOBODY) -> None:
        self.phones: set[str] = set()
        """Of everybody."""
        self._service, self._numbers = service, count(711_000_001, 7919)
        with service.services.database.writing.begin() as session:
            self._shop = service.services.shop(session)
            self.mine, self.theirs = (self._storefront(name, endpoints_url) for name in ("mine", "theirs"))
            self.kiosk = self._kiosk()
            self.artisan = self._artisan(self.kiosk, "pottery")
            self.product = self._ware(self.artisan)
            neighbours = [self._day(number) for number in range(days)]
            self.brief = self._made_by(neighbours)
            self._neighbour = neighbours[-1]
        service.work()

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Every route of the API that is read, and where it shows something; each route with what stands in its place.

        A storefront's own things come before another's.
        """
        examples = self._examples()
        for route in self._routes():
            assert "{" not in route or route in examples, f"{route} is new here: give it examples in {__name__}"
            for example in examples.get(route, [route]):
                yield route, example + ("&" if "?" in example else "?") + "limit=100"

    def _routes(self) -> list[str]:
        document = self._service.http.get("/api/v1/openapi.json").get_json()
        return [route for route, operations in document["paths"].items() if "get" in operations]

    def _examples(self) -> Mapping[str, Sequence[str]]:
        agent, artisan, neighbour = self.kiosk.agent_msisdn, self.artisan.msisdn, self._neighbour.msisdn
        brief, code = self.brief, self.product.code
        endpoints = [f"/webhook-endpoints/{whose.endpoint_id}" for whose in (self.mine, self.theirs)]
        (payout, *_) = self._service.api("GET", "/payouts")["data"]
        return {
            "/products/{product_id}": [f"/products/{self.product.id}"],
            "/artisans/{artisan_id}": [f"/artisans/{self.artisan.id}"],
            "/orders": ["/orders", f"/orders?artisan={self.artisan.id}"],
            "/orders/{order_id}": [f"/orders/{brief.id}", f"/orders/{self.theirs.orders[0]}"],
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
            "/phones/{msisdn}/to-ship": [f"/phones/{agent}/to-ship"],
            "/phones/{msisdn}/bought/{code}": [f"/phones/{brief.buyer_msisdn}/bought/{brief.code}"],
            "/phones/{msisdn}/neighbours/{neighbour}": [f"/phones/{agent}/neighbours/{neighbour}"],
            "/phones/{msisdn}/photo-link/{code}": [f"/phones/{artisan}/photo-link/{code}"],
            "/phones/{msisdn}/earnings": [f"/phones/{artisan}/earnings"],
            "/phones/{msisdn}/day": [f"/phones/{agent}/day"],
        }

    # -- what happens

    def _day(self, number: int) -> Artisan:
        """One more of everything; the neighbour who came."""
        kiosk = self._kiosk()
        guest, neighbour = self._artisan(kiosk, "baskets"), self._artisan(self.kiosk, "leather")
        self._brought(self.mine, guest)
        self._brought(self.theirs, neighbour)
        self._brought(self.mine, self.artisan)
        self._accepted(self.theirs, self.artisan)
        self._brief(self.theirs, "pottery")
        self._photo(self.product, number)
        help_requests.open_request(self._shop, self._phone())
        webhooks.create(self._shop, f"key_{number}", "operator", NOBODY, ["order.lost"])
        return neighbour

    def _made_by(self, makers: list[Artisan]) -> Order:
        """A brief of which each of them makes a part."""
        brief = self._brief(self.mine, makers[0].craft, self.kiosk)
        for maker in makers:
            orders.accept(self._shop, maker, brief.code, 1)
        return brief

    def _brought(self, storefront: DatasetStorefront, maker: Artisan) -> None:
        order = self._accepted(storefront, maker)
        receiving.receive(self._shop, maker.kiosk, order.assignments[0].id, order.quantity)

    def _accepted(self, storefront: DatasetStorefront, maker: Artisan) -> Order:
        order = self._placed(storefront, maker)
        orders.accept(self._shop, maker, order.code)
        return order

    def _placed(self, storefront: DatasetStorefront, maker: Artisan) -> Order:
        ware = self._ware(maker)
        return self._noted(storefront, orders.place(self._shop, self._request(storefront), ware.id, 1))

    def _brief(self, storefront: DatasetStorefront, craft: str, kiosk: Kiosk | None = None) -> Order:
        due_on = self._shop.today + timedelta(days=30)
        wanted = briefs.NewBrief("Many of them", craft, 500_00, 100, due_on, kiosk.id if kiosk else None)
        return self._noted(storefront, briefs.place(self._shop, self._request(storefront), wanted))

    def _request(self, storefront: DatasetStorefront) -> orders.NewOrder:
        return replace(request(storefront.id), buyer_msisdn=self._phone())

    def _noted(self, storefront: DatasetStorefront, order: Order) -> Order:
        storefront.orders.append(order.id)
        storefront.buyers.add(order.buyer_msisdn)
        return order

    # -- who and what there is

    def _phone(self) -> str:
        phone = f"+254{next(self._numbers)}"
        self.phones.add(phone)
        return phone

    def _storefront(self, name: str, endpoints_url: str) -> DatasetStorefront:
        key = api_keys.create(self._shop, name, "storefront")
        caller = api_keys.find(self._shop.session, key, self._shop.now)
        assert caller
        return DatasetStorefront(
            caller.id, key, webhooks.create(self._shop, caller.id, caller.scope, f"{endpoints_url}/{name}").id
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

    def _ware(self, maker: Artisan) -> Product:
        """A ware with a picture."""
        ware = products.list_product(self._shop, maker, title="Ware", category=maker.craft, price=500_00, quantity=2)
        self._photo(ware, 0)
        return ware

    def _photo(self, product: Product, number: int) -> None:
        name = f"{product.id}_{number}"
        photos.attach(self._shop, product.code, id=f"pht_{name}", digest=name, width=1200, height=900)
