"""Alembic's entry: migrates over the connection, and inside the transaction, that ``store.database`` hands over."""

from alembic import context

from sandboxd.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
