"""Many values as one parameter, so that a statement is the same, and planned once, however many there are."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, any_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection


def among(connection: AsyncConnection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Say whether a column, of ids or positions, holds one of many values."""
    if connection.dialect.name == "sqlite":
        kept = json.dumps([value.hex if isinstance(value, UUID) else value for value in values])
        return column.in_(select(func.json_each(kept).table_valued("value").c.value))
    return column == any_(literal(list(values), ARRAY(column.type)))
