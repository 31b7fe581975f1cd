"""Alembic's entry: runs on the connection that registry.database hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from registry.tables import metadata

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # an index of a million rows takes its time,
    connection.execute(text("SET LOCAL lock_timeout = 0"))  # and those that start meanwhile wait for it
    connection.execute(text("SELECT pg_advisory_xact_lock(7041957)"))
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
