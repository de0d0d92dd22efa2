"""Delivery latency: from the 201 until the case service has the event, one contact at a time, on an idle gateway of each engine.

The receiver is a process of its own, so that it does not wait for the clock of the one who measures.
"""

import multiprocessing
import tempfile
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import uuid4

import httpx

from tests.bench.chat import shown
from tests.bench.intake import TAGGED
from tests.bench.servers import postgres
from tests.running import running

CONTACTS = 200


def receive(told: Connection) -> None:
    """Answer webhooks, and tell which contact came when."""

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.send((body.partition('"subject":"')[2][:36], time.perf_counter()))  # one clock for all processes of a machine
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    told.send(server.server_port)
    server.serve_forever()


def latencies(folder: Path, **settings: str) -> list[float]:
    """Give milliseconds from 201 to received."""
    mine, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    try:
        port = mine.recv()
        with running(folder, "intake_api", **settings) as gateway:
            gateway.subscribe(f"http://127.0.0.1:{port}/events")
            time.sleep(2)
            times = []
            with httpx.Client(headers={"Authorization": f"Bearer {gateway.token('contacts:write')}"}) as client:
                for _ in range(CONTACTS):
                    contact_id = str(uuid4())
                    client.put(f"{gateway.url}/intake/v1/contacts/{contact_id}", json=TAGGED).raise_for_status()
                    answered = time.perf_counter()
                    arrived = None
                    while arrived != contact_id:
                        arrived, at = mine.recv()
                    times.append(max(0.0, at - answered) * 1000)
                    time.sleep(0.02)
            return times
    finally:
        process.terminate()
        process.join()


def main() -> None:
    """Measure both engines."""
    print("\nDelivery, from the 201 until the receiver has the event, idle")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        print(f"{'SQLite FULL':<44}{shown(latencies(folder / 'sqlite'))}")
        socket = stack.enter_context(postgres(folder / "postgres"))
        url = f"postgresql+asyncpg://postgres@/postgres?host={socket}"
        print(f"{'PostgreSQL':<44}{shown(latencies(folder / 'var', ONTHAAL_DATABASE_URL=url))}")


if __name__ == "__main__":
    main()
