"""Writers of events no longer wait for one another: events are read by the number of their transaction."""

import sqlalchemy as sa
from alembic import op


revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the events that are there keep their order, before all that follow: 0 is no number of a transaction
    op.add_column("event", sa.Column("xid", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_event_xid_seq"), "event", ["xid", "seq"])
    op.add_column("webhook_endpoint", sa.Column("after_xid", sa.BigInteger(), nullable=False, server_default="0"))
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER event_in_order ON event")
    op.execute("DROP FUNCTION event_in_order()")
    op.execute("CREATE FUNCTION event_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint'")
    op.execute(
        "CREATE FUNCTION event_horizon() RETURNS bigint LANGUAGE sql STABLE AS "
        "'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + event_offset()'"
    )
    op.execute(
        "CREATE FUNCTION event_xid() RETURNS bigint LANGUAGE plpgsql VOLATILE AS "
        "$$ BEGIN RETURN greatest(pg_current_xact_id()::text::bigint + event_offset(), (SELECT max(xid) FROM event)); "
        "END $$"
    )
    op.execute("ALTER TABLE event ALTER xid SET DEFAULT event_xid()")


def downgrade() -> None:
    """Readers go back to the order of `seq`: what they would skip, they read again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        op.execute(
            "UPDATE cursor SET position = coalesce((SELECT min(seq) - 1 FROM event WHERE (xid, seq) > (coalesce("
            "(SELECT xid FROM event WHERE seq <= position ORDER BY seq DESC LIMIT 1), 0), position)), "
            "greatest(position, (SELECT max(seq) FROM event))) "
            "WHERE name IN ('announcements', 'payouts', 'collections', 'webhooks')"
        )
        op.execute("ALTER TABLE event ALTER xid DROP DEFAULT")
        for function in ("event_xid", "event_horizon", "event_offset"):
            op.execute(f"DROP FUNCTION {function}()")
        op.execute(
            "CREATE FUNCTION event_in_order() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_advisory_xact_lock(1397705551, 0); RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER event_in_order BEFORE INSERT ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION event_in_order()"
        )
    op.drop_index(op.f("ix_event_xid_seq"), table_name="event")
    op.drop_column("event", "xid")
    op.drop_column("webhook_endpoint", "after_xid")
