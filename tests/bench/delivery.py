"""Delivery latency: from the 201 until the case service has the event, one contact at a time, embedded defaults."""

import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx

from tests.bench.chat import shown
from tests.bench.intake import TAGGED
from tests.running import running

CONTACTS = 200


def main() -> None:
    arrived: dict[str, float] = {}

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            now = time.perf_counter()
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            arrived[body.partition('"subject":"')[2][:36]] = now
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "intake_api") as gateway:
        gateway.subscribe(f"http://127.0.0.1:{server.server_port}/events")
        time.sleep(2)
        times = []
        with httpx.Client(headers={"Authorization": f"Bearer {gateway.token('contacts:write')}"}) as client:
            for _ in range(CONTACTS):
                contact_id = str(uuid4())
                client.put(f"{gateway.url}/intake/v1/contacts/{contact_id}", json=TAGGED).raise_for_status()
                answered = time.perf_counter()
                while contact_id not in arrived and time.perf_counter() < answered + 5:
                    time.sleep(0.0005)
                times.append(max(0.0, arrived[contact_id] - answered) * 1000)
                time.sleep(0.02)
    server.shutdown()
    print("\nDelivery, from the 201 until the receiver has the event (SQLite FULL, idle)")
    print(f"{'onthaal':<44}{shown(times)}")
