"""What an operator sees for messages of the sort the helpline receives; none was used in training."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake_api.tagging.model import Tagger
from services.intake_api.tagging.suggestion import Suggestion
from services.intake_api.tagging.text import added, read

MELDINGEN = [
    (
        "chat",
        None,
        "mijn trainer van de judo duwt mij elke week tegen de muur en ik durf niet meer gaan",
        "nl",
    ),
    (
        "mail",
        "mon entraîneur",
        "Bonjour, l'entraîneur de ma fille la touche dans le vestiaire, elle a peur.",
        "fr",
    ),
    ("chat", None, "my professor keeps touching my shoulder and yesterday he tried to kiss me", "en"),
    (
        "mail",
        "Trainer",
        "Guten Tag, der Trainer meiner Tochter schlägt die Kinder, sie hat Angst vor ihm.",
        "de",
    ),
    ("telefoon", None, "Moeder van meisje (9). Juf sluit haar op in de berging. Kind slaapt slecht.", "nl"),
]
VRAGEN = [
    ("mail", "folders", "Dag, kunnen wij 50 folders en 10 affiches bestellen voor onze bibliotheek?", "nl"),
    (
        "mail",
        "presse",
        "Bonjour, journaliste, je souhaite une interview avec votre porte-parole. Merci.",
        "fr",
    ),
    (
        "mail",
        "data request",
        "Could you share the number of reports per year for our research project?",
        "en",
    ),
    ("chat", None, "Guten Tag, ist die Beratung bei Ihnen kostenlos und anonym?", "de"),
    ("contactformulier", "studiedag", "Wij zoeken een spreker voor onze studiedag over ons beleid.", "nl"),
]


@pytest.mark.parametrize(("channel", "subject", "text", "language"), MELDINGEN)
def test_someone_telling_what_happened_is_a_melding(
    tagger: Tagger, channel: str, subject: str | None, text: str, language: str
) -> None:
    suggestion = tagger.suggest(channel, subject, text)

    assert (suggestion.kind, suggestion.language, suggestion.nature) == ("melding", language, "person")


@pytest.mark.parametrize(("channel", "subject", "text", "language"), VRAGEN)
def test_someone_asking_for_folders_figures_or_a_speaker_is_a_vraag(
    tagger: Tagger, channel: str, subject: str | None, text: str, language: str
) -> None:
    suggestion = tagger.suggest(channel, subject, text)

    assert (suggestion.kind, suggestion.unsure, suggestion.language) == ("vraag", False, language)


@pytest.mark.parametrize(
    "text",
    [
        "Beste Lies, is er al nieuws over mijn melding van vorige maand? Ik wacht nog op antwoord.",
        "Bedankt voor het gesprek van gisteren. Hij is intussen geschorst en mijn dochter slaapt weer.",
    ],
)
def test_a_question_or_thanks_on_a_running_case_is_a_melding(tagger: Tagger, text: str) -> None:
    assert tagger.suggest("mail", "dossier", text).kind == "melding"


@pytest.mark.parametrize(
    ("text", "sector"),
    [
        ("De coach van de zwemclub weegt de zwemmers voor de hele ploeg en roept op mijn dochter.", "Sport"),
        ("In het woonzorgcentrum trekt een verpleegkundige mijn moeder ruw uit bed.", "Zorg"),
        ("Mijn promotor aan de universiteit dreigt mijn doctoraat stop te zetten.", "Hoger onderwijs"),
        ("Op het scoutskamp duwde een leider de welpen in het water.", "Jeugd"),
        ("De pastoor van de parochie laat misdienaars op zijn schoot zitten.", "Kerk en organisatie"),
        ("Mijn pleegvader leest mijn dagboek en slaat mijn broertje.", "Opgroeien"),
        ("Hij doet mij pijn en ik wil niet zeggen wie het is.", None),
    ],
)
def test_the_sector_is_suggested_only_where_the_message_tells_it(tagger: Tagger, text: str, sector: str | None) -> None:
    suggestion = tagger.suggest("contactformulier", None, text)

    assert suggestion.sector == sector
    assert suggestion.sectors[0] == (sector, suggestion.sector_confidence)
    assert len({name for name, _ in suggestion.sectors}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "help mij aub",
        "hij staat nu voor de deur en hij heeft een mes",
        "ik wil niet meer leven door wat hij doet",
        "leerling belt vanop het dak, de leraar heeft zijn filmpje getoond",
        "mijn dochter zei dat ze zich 's nachts snijdt",
        "ik moet zachtjes typen want hij slaapt",
        "vannacht ben ik verkracht door iemand die ik ken",
        "hij zit met een mes op tafel te wachten",
        "il est devant la porte, j'ai peur, aidez-moi",
        "he said he will kill me, he is outside now",
        "ik wil echt niet\nmeer leven door wat hij doet",
        "mein Vater bringt mich um, Hilfe!",
    ],
)
def test_immediate_danger_is_signalled_in_four_languages(tagger: Tagger, text: str) -> None:
    suggestion = tagger.suggest("chat", None, text)

    assert suggestion.signals[0] == "immediateDanger"
    assert suggestion.kind == "melding"


@pytest.mark.parametrize("paragraphs", [20, 60, 600, 6_000])
def test_danger_in_the_middle_of_a_long_story_is_signalled(tagger: Tagger, paragraphs: int) -> None:
    filler = "Wij wonen al jaren in dezelfde straat en de kinderen gaan er graag naar school.\n\n" * paragraphs
    story = f"{filler}Hij staat nu met een mes voor mijn deur en zegt dat hij mij gaat vermoorden.\n\n{filler}"

    assert "immediateDanger" in tagger.suggest("mail", None, story).signals
    assert "immediateDanger" not in tagger.suggest("mail", None, filler * 2).signals


def test_danger_anywhere_in_a_very_long_story_is_signalled_once_it_is_said(tagger: Tagger) -> None:
    sign = "Hij staat nu met een mes voor mijn deur."
    for said in range(99_400, 100_600, 25):
        assert tagger.sees_danger("mail", None, f"{'Nee ' * (said // 4)}{sign}{' Nee' * 1_000}")


@pytest.mark.parametrize(
    "text",
    [
        "Wij vertrekken vanavond met de trein naar de voorstelling op het dak van het museum.",
        "Jaren geleden werd ik aangerand, nu wil ik weten of het verjaard is.",
        "Kunnen wij een spreker krijgen over geweld en wapens in films?",
        "De kok snijdt de groenten en roept op de afwassers.",
    ],
)
def test_what_is_past_or_told_of_others_is_no_immediate_danger(tagger: Tagger, text: str) -> None:
    assert "immediateDanger" not in tagger.suggest("mail", None, text).signals


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("Mijn dochter van 9 wordt geslagen door haar juf.", True),
        ("Notre fils (11) ne veut plus aller au club.", True),
        ("I am 15 and my coach hits me.", True),
        ("Unsere Tochter ist 8 und weint jeden Tag.", True),
        ("In 1971 was ik 9 jaar en zat ik op internaat bij de broeders.", False),
        ("Mijn moeder van 84 woont al 12 jaar in een woonzorgcentrum.", False),
    ],
)
def test_a_minor_is_signalled_but_not_one_who_was_young_long_ago(tagger: Tagger, text: str, *, minor: bool) -> None:
    assert ("minorInvolved" in tagger.suggest("mail", None, text).signals) is minor


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("Ik wil anoniem blijven, maar onze trainer slaat de kinderen.", True),
        ("Zet mijn naam er nergens bij alstublieft.", True),
        ("Je souhaite rester anonyme.", True),
        ("Please do not use my name.", True),
        ("Ich möchte anonym bleiben.", True),
        ("Mijn naam is Jan en ik wil iets melden.", False),
    ],
)
def test_a_wish_to_stay_anonymous_is_signalled(tagger: Tagger, text: str, *, wish: bool) -> None:
    assert ("anonymousWish" in tagger.suggest("mail", None, text).signals) is wish


@pytest.mark.parametrize(
    ("channel", "subject", "text", "nature"),
    [
        ("mail", "Automatisch antwoord: uw vraag", "Ik ben afwezig tot maandag.", "machine"),
        ("mail", "Undelivered Mail Returned to Sender", "The message could not be delivered.", "machine"),
        ("mail", "SEO offer", "We bring you to page one with quality backlinks, guaranteed.", "spam"),
        ("telefoon", None, "Stille oproep, na een minuut ingelegd.", "nonContact"),
        ("telefoon", None, "Stille oproep, gehuil op de achtergrond, bang.", "person"),
        ("mail", "Afspraak", "Mijn trainer stuurde een automatisch antwoord nadat hij mij sloeg.", "person"),
    ],
)
def test_only_what_is_plainly_not_a_person_is_called_so(
    tagger: Tagger, channel: str, subject: str | None, text: str, nature: str
) -> None:
    assert tagger.suggest(channel, subject, text).nature == nature


def test_the_quoted_mail_and_the_signature_do_not_decide(tagger: Tagger) -> None:
    own = "Kunt u ons 20 folders en affiches opsturen voor de wachtzaal? Alvast dank."
    quoted = "\n> Mijn trainer slaat mij en ik ben bang.\n> Hij heeft mij aangeraakt in de kleedkamer."

    suggestion = tagger.suggest("mail", "folders", own + quoted + "\n-- \nJan\njan@example.org")

    assert suggestion.kind == "vraag"
    assert not {"trainer", "bang", "jan"} & set(suggestion.words)


def test_in_one_long_mail_a_signature_and_what_is_quoted_after_it_show_no_danger(tagger: Tagger) -> None:
    long = "Wij wonen al jaren in dezelfde straat.\n" * 200
    mail = f"{long}-- \nJan\n\n{long}Forwarded message:\nHij staat nu voor mijn deur met een mes\n{long}"

    assert "immediateDanger" not in tagger.suggest("mail", None, mail).signals
    assert "immediateDanger" in tagger.suggest("mail", None, mail, joined=True).signals


def test_in_a_chat_nothing_is_taken_for_a_quote_or_a_signature(tagger: Tagger) -> None:
    said = "Mag ik iets vragen?\n> mijn trainer slaat mij\n--\nen ik ben bang van hem"

    assert tagger.suggest("chat", None, said).sector == "Sport"
    assert tagger.suggest("mail", None, said).sector != "Sport"


@pytest.mark.parametrize(
    ("message", "adds"),
    [
        ("Hij sloeg mij weer.\n\nOp ma 2 maart schreef Jan:\n> Hoe gaat het?", "Hij sloeg mij weer."),
        ("Hij sloeg mij weer.\n-- \nJan", "Hij sloeg mij weer."),
        ("Op ma 2 maart schreef Jan:\n> Hoe gaat het?\n\nHij sloeg mij weer.", "Hij sloeg mij weer."),
        ("Ja\n\nVan: Jan <jan@example.org>\nHoe gaat het?", "Ja\n\nHoe gaat het?"),
        ("Begin doorgestuurd bericht:\nVan: Jan <jan@example.org>\n> ik kom", None),
    ],
)
def test_of_several_messages_each_gives_what_it_adds_and_hides_no_other(message: str, adds: str | None) -> None:
    assert added(message) == (adds or message)


def test_a_message_that_is_only_a_quote_is_read_whole(tagger: Tagger) -> None:
    text = "> Mijn trainer slaat mij en ik ben bang van hem in de kleedkamer."

    assert tagger.suggest("mail", None, text).sector == "Sport"


def test_the_words_that_weighed_most_come_from_the_message(tagger: Tagger) -> None:
    suggestion = tagger.suggest("chat", None, "mijn leraar slaat mij en ik ben bang")

    assert suggestion.words
    assert all(word in "mijn leraar slaat mij en ik ben bang" for word in suggestion.words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \u200b\n",
        "?",
        "😢",
        "> \n> ",
        "asdfgh qwerty",
        "Мій тренер вдарив мене вчора, я боюся повертатися.",
        "مرحبا لقد ضربني المدرب أمس وأنا خائف",
        "Antrenörüm dün bana vurdu, korkuyorum, ne yapmalıyım?",
    ],
)
def test_what_the_model_has_no_words_for_is_left_to_a_person(tagger: Tagger, text: str) -> None:
    suggestion = tagger.suggest("chat", None, text)

    assert (suggestion.kind, suggestion.unsure, suggestion.kind_confidence) == ("melding", True, 0.5)


def test_too_few_words_are_taken_for_dutch(tagger: Tagger) -> None:
    assert tagger.suggest("chat", None, "hallo").language == "nl"


@settings(max_examples=150, deadline=None)
@given(channel=st.text(max_size=20), subject=st.none() | st.text(), text=st.text())
def test_any_text_gets_a_suggestion_that_holds_together(tagger: Tagger, channel: str, subject: str | None, text: str) -> None:
    assert_holds_together(tagger.suggest(channel, subject, text), tagger)


@pytest.mark.parametrize("text", ["", "\0", "\ud800" * 9, "a" * 1_000_000, "> \n" * 200_000, "van: a@\n" * 9_000])
def test_hostile_text_gets_a_suggestion_that_holds_together(tagger: Tagger, text: str) -> None:
    assert_holds_together(tagger.suggest("mail", text[:2000], text), tagger)


@pytest.mark.parametrize("filling", ["\n", " ", "-", "-\n", "\n-", "\n ", "\t-\n ", "> \n", "--\n"])
def test_a_long_text_of_blank_lines_and_dashes_is_read_in_time(tagger: Tagger, filling: str) -> None:
    text = f"Dag{filling * 50_000}forwarded"
    started = time.process_time()
    added(text)
    tagger.suggest("chat", None, text)

    assert time.process_time() - started < 2


def test_a_million_characters_are_looked_at_for_danger_in_time(tagger: Tagger) -> None:
    text = "Mijn dochter van negen wil niet meer naar de zwemles omdat de lesgever haar onder water duwt. " * 10_700
    started = time.process_time()
    tagger.suggest("chat", None, text)

    assert time.process_time() - started < 0.5


def test_a_forwarded_message_is_known_by_its_mark_at_the_start_of_a_line() -> None:
    said = "> Mijn trainer slaat mij elke week"
    for mark in ("forwarded message", "-- Doorgestuurd bericht", " \n --- \n forwarded message", "-\n\nmessage transféré"):
        assert added(f"Zie\n{mark} ---\n{said}").endswith(said)
    assert not added(f"Zie de forwarded message\n{said}").endswith(said)


@pytest.mark.parametrize("mark", ["--\u200b", "--\ufeff", "--\xad", "--\u200e ", "--\x0b", "--www.voorbeeld.be", "-- \x7f"])
def test_what_looks_like_a_signature_mark_hides_no_later_message(mark: str) -> None:
    said = "Mijn trainer slaat mij elke week"
    turns = [added(f"Ik wil iets vragen\n{mark}\nNoor"), added(f"{mark}\nik ben Noor uit Gent"), added(said)]
    assert said.lower() in read("chat", None, "\n".join(turns)).body


def test_ten_kilobytes_are_tagged_in_time(tagger: Tagger) -> None:
    text = "Mijn dochter van negen wil niet meer naar de zwemles omdat de lesgever haar onder water duwt. " * 107
    started = time.process_time()
    for _ in range(20):
        tagger.suggest("mail", "zwemles", text)

    assert (time.process_time() - started) / 20 < 0.015


def test_the_model_is_loaded_in_time() -> None:
    started = time.process_time()
    Tagger.load()

    assert time.process_time() - started < 0.5


def assert_holds_together(suggestion: Suggestion, tagger: Tagger) -> None:
    """Confidence is a probability, unsure is a melding, three different sectors, a version."""
    assert 0 <= suggestion.kind_confidence <= 1
    assert suggestion.kind == "melding" or not suggestion.unsure
    assert len({sector for sector, _ in suggestion.sectors}) == 3
    assert [share for _, share in suggestion.sectors] == sorted((s for _, s in suggestion.sectors), reverse=True)
    assert suggestion.language in {"nl", "fr", "en", "de"}
    assert suggestion.model_version == tagger.version
