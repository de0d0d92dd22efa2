"""What a running gateway tells of itself: figures that agree with what was done, and lines that say nothing of anybody."""

import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.kit.logging import ALLOWED
from tests.engines import eventually
from tests.receiving import Answer, Receiver, receiving
from tests.running import Gateway, running

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A case service."""
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Gateway]:
    """A gateway in which contacts came in by every kind of door, and that logs all it can."""
    with running(tmp_path_factory.mktemp("measures"), ONTHAAL_LOG_LEVEL="DEBUG") as gateway:
        gateway.subscribe(receiver.url)
        with gateway.client() as api:
            refused = uuid4()
            receiver.will_answer(refused, Answer(422))
            for contact in (refused, uuid4(), uuid4()):
                call = {"channel": "telefoon", "kind": "melding", "text": "Gesprek"}
                assert api.put(f"/contacts/{contact}", json=call).status_code == 201
            assert api.put(f"/contacts/{uuid4()}", json={"channel": "brief", "text": "Hoe werkt dit?"}).status_code == 201
        with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server:
            server.sendmail("jan@example.org", "meldpunt@example.org", "Subject: Vraag\r\n\r\nHoe werkt het?\r\n")
        receiver.wait(lambda: len(receiver.attempts) >= 5)
        yield gateway


def figures(gateway: Gateway) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample, by its name and the values of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    answer = httpx.get(f"{gateway.url}/metrics", timeout=30)
    assert answer.headers["content-type"].startswith("text/plain")
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def total(found: dict[tuple[str, ...], float]) -> float:
    return sum(found.values())


def test_figures_agree_with_what_was_done(own: Gateway) -> None:
    eventually(lambda: total(figures(own)["onthaal_dead_letters"]) == 1)
    told = figures(own)
    channels = {labels[0]: value for labels, value in told["onthaal_contacts_registered_total"].items()}
    assert {"telefoon", "brief", "mail"} == set(channels)
    assert total(told["onthaal_contacts_registered_total"]) == 5
    assert total(told["onthaal_commit_batch_contacts_sum"]) == 5
    assert {labels[0]: value for labels, value in told["onthaal_delivery_attempts_total"].items()} == {"taken": 4, "refused": 1}
    assert total(told["onthaal_delivery_latency_seconds_count"]) == 4
    assert total(told["onthaal_deliveries_pending"]) == 0
    assert told["onthaal_mails_total"] == {("registered",): 1}
    assert total(told["onthaal_taggings_total"]) >= 2
    assert set(told["onthaal_worker_up"].values()) == {1}
    assert told["onthaal_database_up"] == {(): 1}
    assert total(told["onthaal_event_loop_lag_seconds_count"]) > 0


def test_no_label_holds_what_a_person_could_have_written(own: Gateway) -> None:
    known = {"channel", "open", "kind_source", "nature", "kind", "unsure", "subscription", "fate", "outcome", "worker", "alarm",
             "party", "reason", "field", "model", "services", "version", "le", "generation", "implementation", "major", "minor",
             "patchlevel", "mailbox", "status"}  # fmt: skip
    families = text_string_to_metric_families(httpx.get(f"{own.url}/metrics").text)
    assert {name for family in families for sample in family.samples for name in sample.labels} <= known


def test_a_scrape_asks_the_database_no_more_than_once_in_some_seconds(own: Gateway) -> None:
    first = httpx.get(f"{own.url}/metrics").text
    with own.client() as api:
        api.put(f"/contacts/{uuid4()}", json={"channel": "telefoon", "kind": "melding", "text": "Gesprek"})
    lines = [[line for line in text.splitlines() if "oldest" in line] for text in (first, httpx.get(f"{own.url}/metrics").text)]
    assert lines[0] == lines[1]


def test_a_process_without_the_store_tells_only_of_what_it_runs(own: Gateway, tmp_path: Path) -> None:
    token = own.token("contacts:write:mail")
    apart = {"ONTHAAL_INTAKE_URL": own.url, "ONTHAAL_MAIL_INGEST_TOKEN": token}
    with running(tmp_path / "apart", "mail_ingest", **apart) as mail:
        told = figures(mail)
    assert "onthaal_mails_total" in told or "onthaal_worker_up" in told
    assert not {name for name in told if name.startswith(("onthaal_contacts", "onthaal_deliver", "onthaal_database"))}


def test_a_problem_bears_the_trace_that_the_log_does(own: Gateway) -> None:
    caller = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    theirs = httpx.get(f"{own.url}/intake/v1/contacts/x", headers=caller).json()
    assert theirs["instance"].replace("-", "") == f"urn:uuid:{TRACE}"
    instances = {httpx.get(f"{own.url}/intake/v1/contacts/x").json()["instance"] for _ in range(3)}
    assert len(instances) == 3


def test_every_line_of_a_busy_gateway_is_json_with_fields_of_the_list(own: Gateway) -> None:
    lines = own.log.read_text().splitlines()
    parsed = [json.loads(line) for line in lines]
    assert {"delivery failed", "mail registered"} <= {line["event"] for line in parsed}
    assert {line["logger"].split(".")[0] for line in parsed} >= {"uvicorn", "services"}
    for line in parsed:
        assert {"event", "level", "logger", "timestamp"} <= line.keys() <= ALLOWED, line


def test_what_people_make_of_the_suggestions_is_counted_by_version_of_the_model(own: Gateway) -> None:
    with own.client() as api:
        place = f"/contacts/{uuid4()}"
        letter = {"channel": "brief", "text": "Kunnen wij vijftig folders bestellen voor onze bibliotheek?"}
        suggestion = api.put(place, json=letter).json()["suggestion"]
        assert suggestion["kind"] == "vraag"
        for kind in ("vraag", "melding"):
            assert api.put(f"{place}/kind", json={"kind": kind}).status_code == 200
        assert api.put(f"{place}/details", json={"sector": "Sport"}).status_code == 200

    model = suggestion["modelVersion"]
    judged = {("kind", model, "agreed"): 1, ("kind", model, "corrected"): 1, ("sector", model, "corrected"): 1}
    assert figures(own)["onthaal_suggestions_judged_total"] == judged
