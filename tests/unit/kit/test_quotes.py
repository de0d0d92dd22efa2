"""Finding quotes in answers to mails."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit.quotes import folded

ANSWER = "Dank je, dat klopt.\n\nNoor\n\n"
OUTLOOK = "Van: Meldpunt <x@example.be>\nVerzonden: maandag 1 januari 2024 10:00\nAan: Noor\nOnderwerp: RE: Vraag\n\nBeste Noor\n"


def shown(text: str) -> str:
    """What a reader sees before unfolding anything."""
    return "".join(piece.text for piece in folded(text) if not piece.quoted)


@pytest.mark.parametrize(
    "quote",
    [
        "> Beste Noor\n>\n> Groet\n",
        "Op ma 1 jan 2024 om 10:00 schreef Meldpunt <x@example.be>:\n\n> Beste Noor\n\n> Groet\n",
        "Op ma 1 jan 2024 om 10:00 schreef Meldpunt grensoverschrijdend gedrag <\nx@example.be>:\n> Beste Noor\n",
        "Op 1 jan. 2024 om 10:00 heeft Meldpunt <x@example.be> het volgende geschreven:\n\n> Beste Noor\n",
        "Meldpunt <x@example.be> schreef op 1 januari 2024 10:00:\n> Beste Noor\n",
        "On Mon, Jan 1, 2024 at 10:00 AM Meldpunt <x@example.be> wrote:\n\n> Dear Noor\n>> eerder\n",
        "On Mon, Jan 1, 2024 at 10:00 AM Meldpunt <x@example.be>\nwrote:\n\n> Dear Noor\n",
        "Le lun. 1 janv. 2024 à 10:00, Meldpunt <x@example.be> a écrit\xa0:\n\n> Chère Noor\n",
        "Le 1 janv. 2024 à 10:00, Meldpunt <x@example.be> a écrit :\n> Chère Noor\n",
        "Am Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Meldpunt <x@example.be>:\n\n> Liebe Noor\n",
        "Am 01.01.2024 um 10:00 schrieb Meldpunt <x@example.be>:\nLiebe Noor\n",
        "2024-01-01 10:00 GMT+01:00 Meldpunt <x@example.be>:\n\n> Beste Noor\n",
        "Op 1 jan. 2024 om 10:00 schreef Meldpunt <x@example.be>:\n\n\ufeffBeste Noor\n",
        "-----Oorspronkelijk bericht-----\n" + OUTLOOK,
        "-----Original Message-----\nFrom: Meldpunt\nSent: Monday\nTo: Noor\nSubject: RE: x\n\nDear Noor\n",
        "-------- Message d'origine --------\nDe : Meldpunt\nDate : 01/01/2024\nÀ : Noor\nObjet : Re: x\n\nChère Noor\n",
        "-----Ursprüngliche Nachricht-----\nVon: Meldpunt\nGesendet: Montag\nAn: Noor\nBetreff: AW: x\n\nLiebe Noor\n",
        "________________________________\n" + OUTLOOK,
        "________________________________\n\n" + OUTLOOK,
        OUTLOOK,
        OUTLOOK.replace("\n", "\n\n"),
        "*From:* Meldpunt <x@example.be>\n*Sent:* Monday\n*To:* Noor\n*Subject:* RE: x\n\nDear Noor\n",
    ],
)
def test_what_a_mail_program_puts_below_an_answer_is_folded(quote: str) -> None:
    assert shown(ANSWER + quote).strip() == ANSWER.strip()


@pytest.mark.parametrize(
    "text",
    [
        "Op 3 mei om 10:15 schreef hij:\nkom naar mijn kamer\n",
        "Op 3 mei schreef mijn trainer mij dit. Ik ben bang.\n",
        "Hij stuurde mij dit:\n\n" + OUTLOOK,
        "---------- Forwarded message ---------\nVan: Trainer <t@example.be>\nDate: ma 1 jan 2024\nSubject: x\nTo: Noor\n\nkom\n",
        "Begin doorgestuurd bericht:\n\n> Van: Trainer\n> Onderwerp: x\n>\n> kom\n",
        "> alleen een citaat\n> en niets anders\n",
        OUTLOOK,
        "Ik ben\n> 18 jaar\nen bang\n",
        "Dag\n>:(\nNoor\n",
        "Dag -- Noor\n-- \nNoor Peeters\n",
        "",
        "\n\n",
    ],
)
def test_what_a_person_has_to_say_is_shown(text: str) -> None:
    assert shown(text) == text


def test_answers_between_the_lines_stay_visible() -> None:
    text = "Hoi\n\nOp ma 1 jan 2024 om 10:00 schreef X <x@example.be>:\n> Hoe oud ben je?\n\n15\n\n> Waar was het?\n>\n> 1. thuis\nOp school\n"
    assert shown(text) == "Hoi\n\n\n15\n\nOp school\n"


def test_an_answer_below_the_quote_stays_visible() -> None:
    text = "-----Original Message-----\nFrom: X\nSent: Monday\nSubject: x\n\n> Hoe gaat het?\n\nNiet goed\n"
    assert shown(text) == "\nNiet goed\n"


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "> a",
                ">",
                "",
                "x",
                "Op 1 mei schreef X <a@b>:",
                "Van: x",
                "Aan: y",
                "Onderwerp: z",
                "______________",
                "\r",
                "\x85",
                "a:",
            ]
        )
        | st.text(max_size=20)
    ).map("\n".join)
)
def test_nothing_is_ever_left_out(text: str) -> None:
    pieces = folded(text)
    assert "".join(piece.text for piece in pieces) == text
    assert all(a.quoted != b.quoted for a, b in pairwise(pieces))


@pytest.mark.parametrize(
    "line", ["> a\n", "Op 1 schreef\n", "Van: x\nAan: y\n", "____________\n", "\n", "a:\n", "Op 1 @ schreef schreef :\n"]
)
def test_half_a_million_characters_take_no_time(line: str) -> None:
    began = time.process_time()
    folded(line * (500_000 // len(line)))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("filling", [" ", "\t", "-", " -", "forwarded message-", "weitergeleitete nn"])
def test_one_long_line_takes_no_time(filling: str) -> None:
    line = filling * (20_000 // len(filling))
    began = time.process_time()
    folded(f"Dag\n{line}\nDag {line}\nforwarded message {line}x")
    assert time.process_time() - began < 0.5
