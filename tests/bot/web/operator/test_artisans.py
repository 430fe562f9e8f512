"""Artisans and kiosks in the console: found, looked at with numbers masked, and corrected."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from marketplace_api.models import Artisan, Kiosk, OperatorAct
from state import people
from tests.bot.fixtures import AKINYI, NEW_PHONE, OTIENO, add_artisan, execute_sql, received_order
from tests.bot.web.operator.visitor import Visitor, logged_in, words
from tests.command_line import run_command
from tests.service import Service

ARTISANS, KIOSKS = "/operator/artisans", "/operator/kiosks"
WANJIRU = "+254711000777"


def artisan_of(service: Service, msisdn: str = AKINYI) -> Artisan:
    with service.services.database.reading() as session:
        found = session.scalars(select(Artisan).where(Artisan.msisdn == msisdn)).one()
        session.expunge_all()
        return found


def page_of(service: Service, msisdn: str = AKINYI) -> str:
    return f"{ARTISANS}/{artisan_of(service, msisdn).id}"


def acts(service: Service) -> list[OperatorAct]:
    with service.services.database.reading() as session:
        return list(session.scalars(select(OperatorAct).where(~OperatorAct.act.startswith("operator."))))


def test_artisans_are_found_by_name_kiosk_and_phone_and_more_follow(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.operator.artisan_pages.A_PAGE", 1)
    kiosk = embedded.api("GET", "/kiosks")["data"][0]
    add_artisan(embedded, WANJIRU, "Wanjiru Kamau", kiosk["id"])
    visitor = logged_in(embedded, "money")
    both = words(visitor.get(ARTISANS)) + words(visitor.get(f"{ARTISANS}?after={artisan_of(embedded, WANJIRU).id}"))
    assert both.index("Wanjiru Kamau") < both.index("Akinyi Ouma")
    assert "Akinyi" not in words(visitor.get(f"{ARTISANS}?q=kamau"))
    assert "No artisan is like that" in words(visitor.get(f"{ARTISANS}?q=%25"))
    assert "No artisan is like that" in words(visitor.get(f"{ARTISANS}?kiosk=ksk_none"))
    assert AKINYI not in visitor.get(f"{ARTISANS}?q=akinyi").text

    assert visitor.send(f"{ARTISANS}/find", phone="0711 000103").headers["Location"].endswith(page_of(embedded))
    for phone in (NEW_PHONE, "12"):
        assert visitor.send(f"{ARTISANS}/find", phone=phone).status_code == 422
    assert visitor.get(f"{ARTISANS}/art_none").status_code == 404


def test_the_page_states_money_changes_and_who_shares_the_phone(embedded: Service) -> None:
    kiosk = embedded.api("GET", "/kiosks")["data"][0]
    add_artisan(embedded, WANJIRU, "Wanjiru Kamau", kiosk["id"], paid_to=AKINYI, language="sw")
    order = received_order(embedded)
    visitor = logged_in(embedded, "read")
    said = words(visitor.get(page_of(embedded)))
    assert "Owed now KES 1,620" in said
    assert f"order {order['code']}" in said
    assert "Wanjiru Kamau: is where they are paid" in said
    assert "It was never changed" in said
    assert "Correct the name" not in said
    assert AKINYI not in visitor.get(page_of(embedded)).text
    assert "Nobody else" not in words(visitor.get(page_of(embedded, WANJIRU)))
    assert "Language Kiswahili" in words(visitor.get(f"/operator/desk/people/{artisan_of(embedded, WANJIRU).id}"))


def test_a_name_a_language_and_a_kiosk_are_corrected_and_logged(embedded: Service) -> None:
    second = embedded.kiosk("+254722000888", name="Toi")
    visitor, path = logged_in(embedded, "desk"), page_of(embedded)
    visitor.get(path)
    assert visitor.submit("/name", name="  Akinyi Owuor ").status_code == 303
    for name in ("", "a\nb", "see www.bad.example"):
        assert visitor.send(f"{path}/name", name=name).status_code == 422
    assert visitor.send(f"{path}/language", language="sw").status_code == 303
    assert visitor.send(f"{path}/language", language="xx").status_code == 422
    assert visitor.send(f"{path}/kiosk", kiosk=second["id"]).status_code == 303
    assert visitor.send(f"{path}/kiosk", kiosk="ksk_none").status_code == 404

    now = artisan_of(embedded)
    assert (now.name, now.language, now.kiosk_id) == ("Akinyi Owuor", "sw", second["id"])
    with embedded.services.database.reading() as session:
        record = people.find(session.connection(), AKINYI)
    assert record
    assert record.language == "sw"
    done = acts(embedded)
    assert [act.act for act in done] == ["artisan.renamed", "artisan.language_changed", "artisan.kiosk_changed"]
    assert done[0].before == {"id": now.id, "name": "Akinyi Ouma"}
    assert "artisan renamed by operator:Grace" in words(visitor.get(path))
    assert visitor.send(f"{path}/payout", method="kiosk_cash").status_code == 403
    assert f'href="{path}"' in visitor.get(f"/operator/desk/people/{now.id}").text

    assert run_command(embedded.app, "erase-person", AKINYI, "--yes").exit_code == 0
    assert "Akinyi" not in str([(act.before, act.after) for act in acts(embedded)])


def test_a_payout_method_is_changed_after_a_check_and_its_history_is_shown(embedded: Service) -> None:
    visitor, path = logged_in(embedded, "money"), page_of(embedded)
    assert visitor.send(f"{path}/payout/check", method="mobile_money", phone="+447400123456").status_code == 422
    visitor.get(path)
    said = words(visitor.submit("/payout/check", method="mobile_money", phone="0799 000999"))
    assert "Akinyi Ouma is paid by mobile money, on +254799000999" in said
    assert "payouts are held for 3 days" in said
    assert artisan_of(embedded).payout_msisdn == AKINYI

    assert visitor.submit("/payout").status_code == 303
    assert artisan_of(embedded).payout_msisdn == NEW_PHONE
    said = words(visitor.get(path))
    assert "from mobile money, +25471***103 to mobile money, +25479***999 by operator:Grace" in said
    assert "a new phone: held until" in said
    (act,) = acts(embedded)
    assert act.after == {"method": "mobile_money", "phone": "+25479***999"}
    embedded.work()
    assert embedded.received(AKINYI)  # the old phone is asked
    execute_sql(embedded, "UPDATE event SET data = json_remove(data, '$.previous_payout')")
    assert "to mobile money, +25479***999 by operator:Grace" in words(visitor.get(path))
    assert "held" not in words(visitor.send(f"{path}/payout/check", method="kiosk_cash"))
    visitor.submit("/payout")
    assert artisan_of(embedded).payout_method == "kiosk_cash"
    assert visitor.send(f"{path}/name", name="Another").status_code == 403


def kiosk_page(service: Service) -> str:
    return f"{KIOSKS}/{service.api('GET', '/kiosks')['data'][0]['id']}"


def test_a_kiosk_is_corrected_by_role_all_alone(embedded: Service) -> None:
    read, path = logged_in(embedded, "read", "Amos"), kiosk_page(embedded)
    assert "Lakeside Kisumu Otieno" in words(read.get(KIOSKS))
    assert OTIENO not in read.get(path).text
    assert read.send(path).status_code == 403

    visitor: Visitor = logged_in(embedded)
    visitor.get(path)
    typed = {"name": "Lakeside", "town": "Kisumu", "agent_name": "Atieno", "phone": "0799 000999"}
    assert visitor.send(path, **typed | {"town": ""}).status_code == 422
    assert visitor.send(path, **typed).status_code == 303
    assert visitor.send(path, **typed).status_code == 303
    with embedded.services.database.reading() as session:
        kiosk = session.scalars(select(Kiosk)).one()
        assert (kiosk.agent_name, kiosk.agent_msisdn) == ("Atieno", NEW_PHONE)
    (act,) = acts(embedded)
    assert act.after == {"changed": ["agent_name", "agent_msisdn"]}
    assert visitor.get(f"{KIOSKS}/ksk_none").status_code == 404
