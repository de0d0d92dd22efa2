"""Where signing in may lead, and what counts as the code."""

import pytest

from services.phone_log.desk.sign_in import code_of, within_desk


@pytest.mark.parametrize("path", ["/desk", "/desk/telefoon/new", "/desk/contacten/0190c2a4-0000-7000-8000-000000000000"])
def test_a_page_of_the_desk_is_come_back_to(path: str) -> None:
    assert within_desk(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://elders.example/desk",
        "//elders.example",
        "/desk//elders.example",
        "/desk\\elders",
        "/deskundig",
        "/desk/../intake/v1",
        "/desk\n",
        "javascript:alert(1)",
        "/desk/sign-in",
        "/desk?x=//elders",
    ],
)
def test_anywhere_else_becomes_the_overview(path: str) -> None:
    assert within_desk(path) == "/desk"


@pytest.mark.parametrize("pasted", ["abc-123", " abc-123 ", "http://127.0.0.1:8080/desk/sign-in#abc-123", "#abc-123"])
def test_the_whole_link_may_be_pasted(pasted: str) -> None:
    assert code_of(pasted) == "abc-123"


def test_a_code_with_control_characters_is_no_code() -> None:
    assert code_of("abc\0123") == ""
