"""The real adapters that send texts, connected to the simulated carriers without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import Sender
from bot.providers.twilio import Twilio, TwilioSettings
from bot.runtime.settings import Settings
from bot.simulator.gateway import ACCOUNT_SID, ORIGIN, TWILIO_NUMBER, TWILIO_URL

if TYPE_CHECKING:
    import requests


def sms(app: Flask, settings: Settings) -> Sender:
    """Africa's Talking's SDK, connected to the simulated carrier without a socket.

    Its messages are stored under `africastalking`, because delivery reports arrive under that name.
    """
    return AfricasTalking(
        "soko",
        "simulator",
        sender_id=settings.sms_short_code,
        base_url=f"{ORIGIN}/simulator/africastalking",
        session=session_without_socket(app),
    )


def whatsapp(app: Flask, settings: TwilioSettings) -> Twilio:
    """The simulated Twilio: it sends to WhatsApp, and has the pictures that simulated phones send."""
    token = settings.callback_token or ""
    return Twilio(ACCOUNT_SID, token, TWILIO_NUMBER, base_url=TWILIO_URL, session=session_without_socket(app))


def session_without_socket(app: Flask) -> requests.Session:
    # imported here: `requests` takes time to import, and most web processes never need it
    from bot.simulator.wsgi_adapter import session_without_socket

    return session_without_socket(app)
