"""Runs migrations on the connection that the caller gives (`journal/migrate.py`); there is no configuration file."""

from alembic import context

from genvm_replay.journal.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("migrations run on a given connection; see genvm_replay/journal/migrate.py")

context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
