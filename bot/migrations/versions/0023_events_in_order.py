"""The table of events lets its writers wait for one another; every artisan has an account in the ledger."""

from alembic import op


revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # the lock that programs took themselves before
        op.execute(
            "CREATE OR REPLACE FUNCTION event_in_order() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_advisory_xact_lock(1397705551, 0); RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER event_in_order BEFORE INSERT ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION event_in_order()"
        )
    op.execute(
        "INSERT INTO ledger_account (name, currency) SELECT 'artisan:' || artisan.id, shop_currency.currency "
        "FROM artisan, shop_currency "
        "WHERE NOT EXISTS (SELECT 1 FROM ledger_account WHERE ledger_account.name = 'artisan:' || artisan.id)"
    )


def downgrade() -> None:
    """The accounts stay: no row of the ledger is ever deleted, and an account without postings changes nothing."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER event_in_order ON event")
        op.execute("DROP FUNCTION event_in_order()")
