"""Runs migrations on the connection it is given, inside its transaction."""

from alembic import context

from services.intake_api.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
