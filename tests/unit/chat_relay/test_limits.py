"""How much one connection and one network may ask."""

import pytest

from services.chat_relay.frames import Rate
from services.chat_relay.limits import Allowance, Crowd, CrowdedNetworkError


def test_a_burst_is_allowed_and_then_as_many_as_come_back_with_time() -> None:
    allowance = Allowance({"say": Rate(3, 1), "end": Rate(1, 1)})
    assert [allowance.take("say", 100) for _ in range(5)] == [True, True, True, False, False]
    assert allowance.take("end", 100)
    assert [allowance.take("say", 102) for _ in range(3)] == [True, True, False]
    assert [allowance.take("say", 1000) for _ in range(4)] == [True, True, True, False]


def test_at_twice_the_pace_twice_as_many_are_allowed() -> None:
    allowance = Allowance({"say": Rate(1, 1)}, pace=2)
    assert [allowance.take("say", 100) for _ in range(3)] == [True, True, False]
    assert [allowance.take("say", 100.5) for _ in range(2)] == [True, False]


def test_a_network_has_so_many_connections_and_gets_them_back() -> None:
    crowd = Crowd(2)
    with crowd.enter("192.0.2.0/24"), crowd.enter("192.0.2.0/24"):
        with crowd.enter("198.51.100.0/24"):
            pass
        with pytest.raises(CrowdedNetworkError), crowd.enter("192.0.2.0/24"):
            pass
    with crowd.enter("192.0.2.0/24"):
        pass


def test_no_address_is_kept_while_somebody_is_connected() -> None:
    crowd = Crowd(2)
    with crowd.enter("192.0.2.0/24") as network:
        assert "192.0.2" not in str(vars(crowd)) + network
