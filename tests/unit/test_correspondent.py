"""One sender with many addresses is one correspondent; two people are never one."""

import pytest

from services.intake_api.correspondent import correspondent, domain_of


@pytest.mark.parametrize(
    "address",
    [
        "noor@example.org",
        " Noor@Example.ORG",
        "noor+1@example.org",
        "noor+x+y@example.org",
        "SRS0=HHH=TT=example.org=noor@forwarder.example",
        "srs0+HHH=TT=example.org=noor+2@forwarder.example",
        "SRS0-HHH=TT=example.org=noor@forwarder.example",
        "SRS1=HHH=other.example==HHH=TT=example.org=noor@forwarder.example",
        "SRS1+HHH=other.example=+HHH=TT=example.org=noor@forwarder.example",
        "archief+SRS=44ldt=IX=example.org=noor@tenant.example",
        "prvs=2345abcdef=noor@example.org",
        "msprvs1=18456dfe=noor+7@example.org",
        "SRS0=HHH=TT=example.org=prvs=1234abcdef=noor@forwarder.example",
    ],
)
def test_these_are_one_sender(address: str) -> None:
    assert correspondent(address) == "noor@example.org"
    assert domain_of(address) == "example.org"


@pytest.mark.parametrize(
    "address",
    [
        "srs0@example.org",
        "srs0=noor@example.org",
        "noor.srs@example.org",
        "prvs@example.org",
        "a=b=c=d@example.org",
        "+32475123456@example.org",
        "@",
        "",
    ],
)
def test_an_address_that_only_looks_rewritten_stands_for_itself(address: str) -> None:
    assert correspondent(address) == address


def test_an_address_that_was_rewritten_without_end_comes_to_one() -> None:
    assert correspondent("prvs=x=" * 40 + "noor@example.org").endswith("@example.org")
