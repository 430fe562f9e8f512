"""The tables of the simulator. Migrations do not create them: they exist only where the simulator is used."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Engine, Index, Integer, MetaData, String, Table, Text
from sqlalchemy_utc import UtcDateTime

from bot.runtime.settings import Settings

metadata = MetaData()

simulated_text = Table(
    "simulated_text",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("msisdn", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_simulated_text_msisdn", "msisdn", "seq"),
)

simulated_payment = Table(
    "simulated_payment",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation", String, nullable=False),
    Column("msisdn", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("code", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

simulated_collection = Table(
    "simulated_collection",
    metadata,
    Column("id", String, primary_key=True),
    Column("msisdn", String, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("account", String, nullable=False),
    Column("url", String, nullable=False),
    Column("code", String),
    Column("at", UtcDateTime, nullable=False),
    Column("receipt", String, nullable=False, unique=True),
    Column("reversal", String),
)

simulated_session = Table(
    "simulated_session",
    metadata,
    Column("id", String, primary_key=True),
    Column("intent", String, nullable=False, unique=True),
    Column("charge", String, nullable=False),
    Column("about", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("success_url", Text, nullable=False),
    Column("cancel_url", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("declined", Boolean, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("paid_at", UtcDateTime),
    Column("dispute", String),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

simulated_refund = Table(
    "simulated_refund",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("intent", String, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("refund", String, nullable=False),
    Column("first", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime, nullable=False),
)

simulated_request = Table(
    "simulated_request",
    metadata,
    Column("key", String, primary_key=True),
    Column("parameters", String, nullable=False),
    Column("answer", Text, nullable=False),
)

simulated_fault = Table(
    "simulated_fault",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("target", String, nullable=False),
    Column("name", String, nullable=False),
    Column("fault", String, nullable=False),
    Column("probability", Double, nullable=False),
    Column("seconds", Double),
    Column("hops", Integer),
    Column("times", Integer),
    Column("struck", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
)

simulated_draw = Table(
    "simulated_draw",
    metadata,
    Column("fault", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("drawn", Integer, nullable=False),
)

simulated_phone = Table(
    "simulated_phone",
    metadata,
    Column("msisdn", String, primary_key=True),
    Column("operator", String, nullable=False),
)

simulated_call = Table(
    "simulated_call",
    metadata,
    Column("id", String, primary_key=True),
    Column("msisdn", String, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("hops", Integer, nullable=False),
    Column("length", Integer, nullable=False),
)

simulated_wire = Table(
    "simulated_wire",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("direction", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("phone", String, nullable=False),
    Column("summary", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
)

simulated_reset = Table("simulated_reset", metadata, Column("at", UtcDateTime, primary_key=True))

simulated_act = Table(
    "simulated_act",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("msisdn", String, nullable=False),
    Column("act", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("text", Text, nullable=False),
)


def create(engine: Engine, settings: Settings) -> None:
    """Create the tables that the database lacks. Production has none of them."""
    if settings.development:
        metadata.create_all(engine)
