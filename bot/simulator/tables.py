"""The tables of the simulator. Migrations do not create them: they exist only where the simulator is used."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Engine, Index, Integer, MetaData, String, Table, Text
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


def create(engine: Engine, settings: Settings) -> None:
    """Create the tables that the database lacks. Production has none of them."""
    if settings.development:
        metadata.create_all(engine)
