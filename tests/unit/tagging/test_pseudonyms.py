"""What is kept of a text to learn from: nothing that a name, a number or a place could hide in."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake_api.tagging.messages import Message
from services.intake_api.tagging.pseudonyms import Pseudonyms


@pytest.fixture(scope="session")
def pseudonyms(messages: tuple[Message, ...]) -> Pseudonyms:
    return Pseudonyms(messages)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Ik ben Jan Peeters uit Zoersel.", ["jan", "peeters", "zoersel"]),
        ("mijn trainer bart van de judoclub in lokeren slaat mij", ["bart", "lokeren"]),
        ("De directrice, mevrouw De Smet, zei dat Noor moest zwijgen.", ["smet", "noor"]),
        ("Mail mij op jan.peeters+werk@school-zoersel.be of jan(at)telenet.be", ["jan", "peeters", "zoersel", "telenet"]),
        ("bel 0478/12.34.56 of +32 (0)478 12 34 56 of 04 78 12 34 56 of 015123456", ["478", "12", "34", "56", "015"]),
        ("bel nul vier zeven acht twaalf vierendertig zesenvijftig", ["zeven", "acht", "twaalf", "zesenvijftig"]),
        ("mijn rijksregister is 85.07.30-033.28 of 85073003328", ["85", "07", "033", "28"]),
        ("rekening BE68 5390 0754 7034 en nummerplaat 1-ABC-234", ["68", "5390", "7034", "abc", "234"]),
        ("in de Kerkstraat 12 bus 3, 2980, en op steenweg op tielen 5", ["kerkstraat", "2980", "tielen"]),
        ("we wonen rue Neuve 5 à Ixelles", ["neuve", "ixelles"]),
        ("op 12 maart 2023 om 14u30, 3/4/2015 en de 7de", ["maart", "2023", "14", "30", "2015", "7de"]),
        ("zie www.facebook.com/bart.judo, https://t.me/x?id=9 en judoclub-lokeren.be", ["facebook", "bart", "t.me", "lokeren"]),
        ("stuur naar @bartjudo of #teambart of insta bart_1987", ["bartjudo", "teambart", "bart", "1987"]),
        ("in het klooster van sint-jozef, klas 3b, campus Noord", ["jozef", "3b", "noord"]),
        ("J\u200bo\u200bris Peet\u200bers", ["joris", "peeters", "jo", "ris"]),
        ("Jo\u0308rg M\u00fcller heet hij", ["jo", "rg", "müller"]),
        (
            "\uff2a\uff41\uff4e \uff30\uff45\uff45\uff54\uff45\uff52\uff53 \uff10\uff14\uff17\uff18\uff11\uff12",
            ["jan", "peeters", "0478"],
        ),
        ("hij heet j a n p e e t e r s, j.a.n.", ["j a n", "j.a.n"]),
        ("Меня зовут Иван, 我叫王伟, أنا أحمد", ["иван", "王", "أحمد"]),
        ("JAN PEETERS SLAAT MIJ IN GENT", ["jan", "peeters", "gent"]),
        ("hij heet peeters-janssens of d'hondt of van-den-broeck", ["peeters", "janssens", "hondt", "broeck"]),
    ],
)
def test_what_points_to_somebody_is_left_out(pseudonyms: Pseudonyms, text: str, hidden: list[str]) -> None:
    kept = pseudonyms.of(text).lower()

    assert not [word for word in hidden if re.search(rf"\b{re.escape(word)}\b", kept)], kept


def test_a_name_that_is_a_common_word_is_left_out_where_it_is_known(pseudonyms: Pseudonyms) -> None:
    text = "ik heet goed de vader en mijn vader slaat mij. goed."

    assert "vader" in pseudonyms.of(text)
    assert not {"goed", "vader"} & set(re.findall(r"\w+", pseudonyms.of(text, ["Goed De Vader", "goed.vader@example.be"])))


def test_ages_are_kept_as_a_child_or_an_adult(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.of("mijn dochter is 9 en hij is 57") == "mijn dochter is 12 en hij is 40"


def test_what_the_model_learns_from_stays(pseudonyms: Pseudonyms) -> None:
    text = "mijn trainer slaat mij na de training en niemand gelooft mij"

    assert pseudonyms.of(text) == text


def test_signature_and_quoted_mail_are_left_out(pseudonyms: Pseudonyms) -> None:
    text = "Mijn trainer slaat mij.\n> de leraar duwt haar\n-- \nmijn vader en mijn moeder"

    assert pseudonyms.of(text) == "Mijn trainer slaat mij."


@pytest.mark.parametrize("author", ["A", "C", "D"])
def test_no_name_in_messages_of_an_author_it_never_saw_stays(messages: tuple[Message, ...], author: str) -> None:
    pseudonyms = Pseudonyms([message for message in messages if message.author_set != author])
    texts = [message.text for message in messages if message.author_set == author and message.language != "de"]
    small = {word for message in messages for word in re.findall(r"[^\W\d_]+", message.text) if word.islower()}
    names = {word.lower() for text in texts for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", text)} - small
    kept = [re.findall(r"[^\W\d_]+", pseudonyms.of(text).lower()) for text in texts]

    assert len(names) > 20
    assert not names & {word for words in kept for word in words}
    assert sum(map(len, kept)) > 0.7 * sum(len(re.findall(r"[^\W\d_]+", text)) for text in texts)


@pytest.fixture(scope="module")
def invented(messages: tuple[Message, ...]) -> set[str]:
    """Every word of the messages that are shipped."""
    return {word.lower() for message in messages for word in re.findall(r"[^\W\d_]+", f"{message.subject} {message.text}")}


@given(text=st.text(max_size=200))
def test_no_word_stays_that_is_not_in_common_use(pseudonyms: Pseudonyms, invented: set[str], text: str) -> None:
    assert all(word.lower() in invented for word in re.findall(r"[^\W\d_]+", pseudonyms.of(text)))
