"""The proxies as they are shipped: who reaches what, what is sent twice and what never, and what is written of it."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI

from services.gateway import build
from services.kit.pages import HEADERS
from tests.certificates import certificate
from tests.proxy import SHIPPED, Proxy, proxying
from tests.running import free_port
from tests.serving import Silent, serving

OTHER_ADDRESS = "127.0.0.9"


@dataclass
class Upstream:
    """A service's place behind the proxy: tells what it was asked, and answers or hangs up."""

    hangs_up: bool = False
    status: int = 200
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    port: int = 0


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Serve for the length of a block."""
    place = Upstream()

    class Handler(Silent):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            place.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            if place.hangs_up:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.answer(place.status, b"own\n", {})

    with serving(Handler) as place.port:
        yield place


@dataclass
class Front:
    """A public proxy and a door before two places of everything."""

    public: Proxy
    internal: Proxy
    places: tuple[Upstream, Upstream]

    @property
    def asked(self) -> list[tuple[str, str, dict[str, str]]]:
        """What arrived behind the proxy."""
        return [one for place in self.places for one in place.asked]

    def fresh(self) -> "Front":
        for place in self.places:
            place.hangs_up, place.status = False, 200
            place.asked.clear()
        return self


@pytest.fixture(scope="module")
def behind() -> Iterator[Front]:
    with ExitStack() as stack:
        one, other = stack.enter_context(upstream()), stack.enter_context(upstream())
        ports = (one.port, other.port)
        public = stack.enter_context(proxying("public", dict.fromkeys(("public_site", "chat_relay", "phone_log"), ports)))
        internal = stack.enter_context(proxying("internal", {"intake_api": ports}))
        yield Front(public, internal, (one, other))


@pytest.fixture
def front(behind: Front) -> Front:
    return behind.fresh()


def paths(app: FastAPI) -> set[str]:
    """List the addresses of an app, ids filled in."""
    found = {getattr(route, "path", "") for route in app.routes}
    return {path.replace("{contact_id}", "a").replace("{file_id}", "b").replace("{item_id}", "c") for path in found if path}


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The addresses of each service."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONTHAAL_VAR", str(tmp_path_factory.mktemp("var")))
        environment.setenv("ONTHAAL_INTAKE_URL", "http://127.0.0.1:1")
        return {name: paths(build([name])) for name in ("intake_api", "public_site", "chat_relay", "mail_ingest", "phone_log")}


def internal_only(path: str) -> bool:
    return path.startswith(("/intake", "/doc", "/metrics", "/health")) or not path


def test_every_page_of_the_services_is_reached_and_nothing_internal_is(front: Front, apps: dict[str, set[str]]) -> None:
    for path in set().union(*apps.values()):
        front.fresh()
        answer = httpx.get(front.public.url + (f"{path}/x" if path.startswith("/static") else path))
        if internal_only(path):
            assert (answer.status_code, front.asked) == (404, []), path
        else:
            assert (answer.status_code, len(front.asked)) == (200, 1), path


@pytest.mark.parametrize("path", ["/intake/v1/contacts/a", "/intake", "//intake/v1/events", "/contact/../intake/v1/events",
                                  "/%69ntake/v1/events", "/static/kit/..%2f..%2fmetrics", "/metrics", "/doc/intake_api/openapi.yaml",
                                  "/health", "/nergens", "/.env", "/chat/v1/anders"])  # fmt: skip
def test_what_is_on_no_list_reaches_nobody(front: Front, path: str) -> None:
    with socket.create_connection(("127.0.0.1", front.public.port)) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = raw.makefile("rb").read()
    assert answer.split()[1] in {b"404", b"400"}
    assert front.asked == []


def test_the_door_of_the_register_shows_the_register_alone(front: Front) -> None:
    for path in ("/intake/v1/events", "/doc/intake_api/openapi.yaml"):
        assert httpx.get(front.internal.url + path).status_code == 200
    for path in ("/", "/contact", "/desk", "/metrics", "/health"):
        assert httpx.get(front.internal.url + path).status_code == 404
    assert len(front.asked) == 2


@pytest.mark.parametrize(
    ("method", "path", "times"),
    [
        ("PUT", "/intake/v1/contacts/a", 2),
        ("GET", "/intake/v1/events", 2),
        ("POST", "/intake/v1/sessions", 1),
        ("POST", "/intake/v1/deadLetters/redrive", 1),
    ],
)
def test_at_the_door_only_what_does_no_harm_twice_is_sent_to_the_next_node(
    front: Front, method: str, path: str, times: int
) -> None:
    for place in front.places:
        place.hangs_up = True
    answer = httpx.request(method, front.internal.url + path, content=b"{}")
    assert (answer.status_code, len(front.asked)) == (502, times)


@pytest.mark.parametrize(("path", "times"), [("/contact", 2), ("/desk/telefoon/new", 2), ("/desk/brief/new", 2),
                                             ("/desk/sign-in", 1), ("/desk/contacten/a/notities", 1)])  # fmt: skip
def test_a_form_that_carries_its_contact_goes_to_the_next_node_and_no_other_does(front: Front, path: str, times: int) -> None:
    for place in front.places:
        place.hangs_up = True
    answer = httpx.post(front.public.url + path, content=b"a=b")
    assert (answer.status_code, len(front.asked)) == (502, times)


def test_a_node_that_takes_no_connection_is_passed_by_for_every_method(front: Front) -> None:
    ports = {"intake_api": [free_port(), front.places[0].port]}
    with proxying("internal", ports, leaves="max_fails=2 fail_timeout=2s") as door:
        for method in ("POST", "PUT", "GET", "POST", "POST"):
            assert httpx.request(method, f"{door.url}/intake/v1/sessions").status_code == 200


def test_while_nothing_answers_a_page_tells_who_to_call(front: Front) -> None:
    for place in front.places:
        place.hangs_up = True
    answer = httpx.get(f"{front.public.url}/contact")
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert "112" in answer.text
    assert answer.headers["retry-after"] == "30"
    style = httpx.get(f"{front.public.url}/down/down.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css")


def test_a_page_that_the_service_gives_itself_is_passed_on_whatever_its_status(front: Front) -> None:
    for status in (500, 503, 404, 413, 429):
        for place in front.places:
            place.status = status
        answer = httpx.post(f"{front.public.url}/contact", content=b"a=b")
        assert (answer.status_code, answer.text) == (status, "own\n")


def test_every_answer_of_the_proxy_itself_carries_the_headers_of_a_page(front: Front) -> None:
    for place in front.places:
        place.hangs_up = True
    for path, status in (("/intake", 404), ("/contact", 502)):
        answer = httpx.get(front.public.url + path)
        assert answer.status_code == status
        for name in HEADERS:
            assert len(answer.headers.get_list(name)) == 1, (path, name)
        assert answer.headers["server"] == "nginx"


def test_nothing_of_a_visitor_is_written(front: Front) -> None:
    mark = "Zwxq9Merkteken"
    headers = {"User-Agent": mark, "Referer": f"https://{mark}.example", "Cookie": f"a={mark}", "X-Forwarded-For": mark}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=OTHER_ADDRESS), headers=headers) as visitor:
        for path in (f"/contact?q={mark}", f"/{mark}", f"/desk/{mark}", f"/chat/widget?lang={mark}", f"/contact/{mark}@x.be"):
            visitor.get(front.public.url + path)
        visitor.post(f"{front.public.url}/contact", content=mark.encode() * 200_000)
        for place in front.places:
            place.hangs_up = True
        assert visitor.get(f"{front.public.url}/contact?q={mark}").status_code == 502
    with socket.create_connection(("127.0.0.1", front.public.port)) as raw:
        raw.sendall(f"GET /{mark} HTTP/9\r\n{mark}\r\n\r\n".encode())
        raw.recv(1000)
    written = front.public.log.read_text()
    assert mark not in written
    assert OTHER_ADDRESS not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert {"contact", "other", "desk", "chatWidget"} <= {line["path"] for line in lines}
    assert not [path for path in front.public.run.rglob("*") if path.is_file() and mark.encode() in path.read_bytes()]


def test_a_service_is_told_the_address_that_the_proxy_saw_and_no_other(front: Front) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=OTHER_ADDRESS)) as visitor:
        claims = {"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Real-IP": "1.2.3.4", "X-Forwarded-Proto": "https"}
        visitor.get(f"{front.public.url}/contact", headers=claims)
    [(_, _, told)] = front.asked
    assert told["x-forwarded-for"] == OTHER_ADDRESS
    assert told["x-forwarded-proto"] == "http"
    assert "forwarded" not in told
    assert "x-real-ip" not in told
    assert told["host"] == f"127.0.0.1:{front.public.port}"


def test_only_the_networks_that_are_named_reach_the_desk(front: Front) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=OTHER_ADDRESS)) as stranger:
        for path in ("/desk", "/desk/sign-in", "/desk/chat", "/desk/telefoon/new", "/chat/v1/operator", "/static/desk/desk.css"):
            assert stranger.get(front.public.url + path).status_code == 403, path
        assert stranger.get(f"{front.public.url}/contact").status_code == 200
        assert stranger.get(f"{front.internal.url}/intake/v1/events").status_code == 403
    assert [path for _, path, _ in front.asked] == ["/contact"]


@pytest.mark.parametrize(("path", "size", "status"), [("/contact", 55_000_000, 200), ("/contact", 64_000_000, 413),
                                                      ("/desk/sign-in", 2_000_000, 413), ("/hulp", 100_000, 413)])  # fmt: skip
def test_a_body_is_as_large_as_what_is_asked_for(front: Front, path: str, size: int, status: int) -> None:
    assert httpx.post(front.public.url + path, content=bytes(size), timeout=60).status_code == status


def test_who_asks_too_much_is_asked_to_wait(front: Front) -> None:
    ports = {key: [front.places[0].port] for key in ("public_site", "chat_relay", "phone_log")}
    with proxying("public", ports, limits=(SHIPPED / "site" / "limits.conf").read_text()) as strict, httpx.Client() as visitor:
        forms = [visitor.post(f"{strict.url}/contact", content=b"a=b").status_code for _ in range(40)]
        assert forms[:10] == [200] * 10
        assert 429 in forms
        with httpx.Client(transport=httpx.HTTPTransport(local_address=OTHER_ADDRESS)) as other:
            assert other.post(f"{strict.url}/contact", content=b"a=b").status_code == 200


@pytest.mark.parametrize("main", ["public", "internal"])
def test_nginx_takes_the_configuration_with_tls_as_it_is_shipped(front: Front, main: str, tmp_path: Path) -> None:
    names = ("public_site", "chat_relay", "phone_log", "intake_api")
    listen = "listen" if main == "public" else "register_listen"
    port = free_port()
    text = (SHIPPED / "site" / f"{listen}.conf").read_text().replace("8443", str(port))
    proxy = Proxy(main, {key: [front.places[0].port] for key in names}, {f"{listen}.conf": text})
    certificate(proxy.configuration / "site")
    tls = proxy.configuration / "tls.conf"
    tls.write_text(tls.read_text().replace("/etc/onthaal/tls/", f"{proxy.configuration}/site/"))
    done = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
    proxy.port = port
    proxy.start()
    try:
        path = "/contact" if main == "public" else "/intake/v1/events"
        trust = ssl.create_default_context(cafile=proxy.configuration / "site" / "tls.crt")
        with httpx.Client(verify=trust) as visitor:
            assert visitor.get(f"https://localhost:{port}{path}").status_code == 200
    finally:
        proxy.stop()
