import pytest

from services.kit.settings import InvalidSettings, ProcessSettings, read


@pytest.mark.parametrize("address", ["nats://nats:4222", "tls://noor:geheim@one:4222, nats://token@[::1]:4222", "nats://host"])
def test_servers_are_addresses_with_commas_between(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ONTHAAL_NATS_URL", address)
    settings = read(ProcessSettings)
    assert settings.nats_url is not None
    assert settings.nats_url.get_secret_value() == address
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "address", ["geheim", "nats://", "http://geheim:4222", "nats://one:4222,,", "nats://a nats:4222", "nats://one:geheim"]
)
def test_a_wrong_one_stops_the_start_without_being_repeated(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ONTHAAL_NATS_URL", address)
    with pytest.raises(InvalidSettings, match="ONTHAAL_NATS_URL") as refused:
        read(ProcessSettings)
    assert "geheim" not in str(refused.value)
