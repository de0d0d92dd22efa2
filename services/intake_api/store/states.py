"""The states of a delivery, as they stand in the text of a statement.

Each has a partial index; PostgreSQL plans a statement that takes the state as a parameter without it.
"""

from typing import Final

from sqlalchemy import ColumnElement, literal_column

PENDING: Final[ColumnElement[str]] = literal_column("'pending'")
DELIVERED: Final[ColumnElement[str]] = literal_column("'delivered'")
DEAD: Final[ColumnElement[str]] = literal_column("'dead'")
