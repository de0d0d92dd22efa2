"""Each service in a process of its own, with its own token: the five channels still lead to one register."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.engines import eventually
from tests.house import House, living
from tests.integration.test_privacy import by_chat, by_desk, by_form, by_mail
from tests.receiving import receiving


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("apart")
    with living(folder, copies=1, engines=False, proxied=False, ONTHAAL_HOURS_CHAT="24/7") as house:
        yield house


@pytest.mark.timeout(300)
def test_every_channel_reaches_the_register_from_its_own_process(apart: House) -> None:
    def at(service: str) -> House:
        [node] = apart.nodes[service]
        return replace(apart, port=node.port, smtp_port=node.smtp_port)

    with receiving() as receiver, apart.client() as api:
        apart.subscribe(receiver.url)
        by_form(at("public_site"))
        by_chat(at("chat_relay"))
        by_mail(at("mail_ingest"))
        by_desk(at("phone_log"))
        found = api.post("/contacts/query", json={}).json()["items"]
        assert sorted(one["channel"] for one in found) == ["brief", "chat", "contactformulier", "mail", "telefoon"]
        eventually(lambda: {one["id"] for one in found} == {attempt.contact for attempt in receiver.attempts})
    for name, nodes in apart.nodes.items():
        for node in nodes:
            assert (name == "intake_api") == ("ONTHAAL_DATABASE_URL" in node.environment)
