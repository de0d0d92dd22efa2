"""The part of whoever makes contact: suggested with the words that show it, and nothing where they do not."""

import pytest

from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.roles import role_measures, role_of
from services.intake_api.tagging.text import read


@pytest.mark.parametrize(
    ("channel", "text", "role"),
    [
        ("chat", "mijn trainer duwt mij elke week tegen de muur", "slachtoffer"),
        ("telefoon", "Zwemster, 17. Trainer raakt haar aan in het water. Huilt.", "slachtoffer"),
        ("mail", "Mijn dochter van 8 wordt door haar juf geslagen.", "verwant"),
        ("telefoon", "Grootvader van jongen (9). Kind durft niet meer naar de judoles.", "verwant"),
        ("mail", "Ik heb met eigen ogen gezien hoe een verpleger een bewoner sloeg.", "getuige"),
        ("telefoon", "Buurvrouw hoort elke avond geroep en slagen.", "getuige"),
        ("telefoon", "Directrice basisschool. Leerling vertelde iets over de turnleraar.", "organisatie"),
        ("mail", "Als preventieadviseur van een bedrijf kreeg ik een klacht over een ploegbaas.", "organisatie"),
        ("brief", "Er loopt een klacht tegen mij, maar ik heb die jongen nooit aangeraakt.", "dader"),
        ("brief", "Ik weet het van horen zeggen: de dirigent zit aan de zangertjes.", "derde"),
        ("mail", "Notre fille de 10 ans est frappée par son entraîneur.", "verwant"),
        ("chat", "my coach hit me yesterday", "slachtoffer"),
        ("mail", "Ich habe gesehen, wie der Trainer ein Kind schlug.", "getuige"),
    ],
)
def test_the_role_is_shown_by_words_of_the_message(tagger: Tagger, channel: str, text: str, role: str) -> None:
    found = tagger.suggest(channel, None, text).role

    assert found is not None
    assert found.role == role
    assert found.words
    assert all(word in text.lower() for word in found.words)


def test_of_a_long_match_the_end_is_shown_and_never_the_subject() -> None:
    text = (
        "Trainer van een ploeg meisjes, al jaren vrijwilliger in de club en door iedereen graag gezien, sinds maandag geschorst."
    )
    found = role_of(read("telefoon", "over een trainer", text))

    assert found is not None
    assert found.role == "dader"
    assert found.words[0].endswith("sinds maandag geschorst")
    assert all(len(words) <= 60 and "over een trainer" not in words for words in found.words)


@pytest.mark.parametrize("text", ["hij doet het weer", "", "\ud800\0", "Op kamp werden de jongsten in het water geduwd."])
def test_no_role_is_suggested_where_nothing_shows_it(text: str) -> None:
    assert role_of(read("chat", None, text)) is None


def test_a_vraag_has_no_role_in_a_case(tagger: Tagger) -> None:
    suggestion = tagger.suggest("mail", "folders", "Als directeur wil ik 50 folders bestellen voor onze school. Kan dat?")

    assert (suggestion.kind, suggestion.role) == ("vraag", None)


def test_the_role_is_right_more_often_than_the_commonest_one_would_be(messages: tuple[Message, ...]) -> None:
    measured = role_measures(messages)

    assert measured["messages"] > 300
    assert measured["rightWhereSuggested"] > 0.75
    assert measured["rightWhereTold"] > 0.7
    assert measured["suggested"] < 0.95
