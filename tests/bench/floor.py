"""The floor: a bare Starlette route that commits a contact and its outbox row with the raw driver, one statement a request.

No validation, no hours, no encryption, no idempotency beyond the primary key: what a complete intake is compared with.
"""

import os
import uuid
from contextlib import asynccontextmanager

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

STATEMENT = """
WITH stored AS (
    INSERT INTO floor_contact (id, channel, received_at, body) VALUES ($1, $2, now(), $3)
    ON CONFLICT (id) DO NOTHING RETURNING id
)
INSERT INTO floor_outbox (id, contact_id, payload) SELECT $4, id, $5 FROM stored
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS floor_contact (
    id uuid PRIMARY KEY, channel text NOT NULL, received_at timestamptz NOT NULL, body text NOT NULL
);
CREATE TABLE IF NOT EXISTS floor_outbox (
    position bigserial PRIMARY KEY, id uuid NOT NULL, contact_id uuid NOT NULL, payload text NOT NULL
)
"""


async def put(request):
    body = await request.body()
    contact = orjson.loads(body)
    contact_id = uuid.UUID(request.path_params["contactId"])
    event = orjson.dumps({"id": str(contact_id), "channel": contact["channel"], "type": "registered"}).decode()
    await request.app.state.pool.execute(STATEMENT, contact_id, contact["channel"], body.decode(), uuid.uuid4(), event)
    return Response(orjson.dumps({"id": str(contact_id)}), 201, media_type="application/json")


@asynccontextmanager
async def lifespan(app):
    async with asyncpg.create_pool(os.environ["FLOOR_DSN"], min_size=16, max_size=16) as pool:
        async with pool.acquire() as connection:
            await connection.execute(SCHEMA)
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/intake/v1/contacts/{contactId}", put, methods=["PUT"])], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["FLOOR_PORT"]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
