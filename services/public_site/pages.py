"""The public pages as answers: the words in the chosen language, and what stands on every page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, Role, Sector
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.problems import PayloadTooLarge
from services.kit.pages import Pages
from services.kit.words import PageLanguage, Words
from services.public_site import hours
from services.public_site.catalogue import words
from services.public_site.form import TRAP, Answers
from services.public_site.other_help import OtherHelp
from services.public_site.settings import PublicSiteSettings
from services.public_site.upload import FILES_LIMIT, MAX_FILES, MEGABYTE

HERE: Final = Path(__file__).parent


class PublicPages:
    """Writes every page of the public site. Knows no request: only words and what it is given."""

    def __init__(self, settings: PublicSiteSettings, other_help: tuple[OtherHelp, ...], *, demo: bool) -> None:
        """Show these contact routes and this other help; `demo` links the pages for trying out."""
        self._pages = Pages(HERE / "templates")
        self._settings = settings
        self._help = other_help
        self._demo = demo

    def front(self, language: PageLanguage, opening: Mapping[Channel, OpeningHours | None]) -> HTMLResponse:
        """Show the ways in, each with whether it is open."""
        says = words(language)
        states = {channel.value: hours.of_a_channel(opening[channel], says) for channel in opening}
        is_open = {channel.value: bool(found and found.open) for channel, found in opening.items()}
        return self._render("front.html", says, path="/", states=states, is_open=is_open)

    def form(
        self, answers: Answers, opening: OpeningHours | None, errors: Mapping[str, str] | None = None, *, fresh: bool = False
    ) -> HTMLResponse:
        """Show the form; with errors, each at its field and in a summary."""
        says = words(answers.language)
        return self._render(
            "contact.html",
            says,
            400 if errors else 200,
            path="/contact" if fresh else None,
            answers=answers,
            errors={name: says(key) for name, key in (errors or {}).items()},
            opening=hours.on_the_form(opening, says),
            roles=[(role.value, says(f"form.situation.role_{role}")) for role in Role],
            sectors=[(sector.value, says(f"form.sector.{sector.name}")) for sector in Sector],
        )

    def review(self, answers: Answers, status: int = 200, *, files_lost: bool = False, wait: int = 0) -> HTMLResponse:
        """Show everything once more, with the button that sends; `status` says why it could not be sent before."""
        says = words(answers.language)
        limits = {"count": MAX_FILES, "size": FILES_LIMIT // MEGABYTE, "bytes": FILES_LIMIT}
        errors = {"files": says("error.files", **limits)} if status == 413 else {}
        values = {"answers": answers, "facts": facts(answers, says), "limits": limits, "files_lost": files_lost}
        answer = self._render("review.html", says, status, **values, errors=errors, failed=status == 503, minutes=-(-wait // 60))
        if wait:
            answer.headers["Retry-After"] = str(wait)
        return answer

    def sent(self, answers: Answers, contact: Contact) -> HTMLResponse:
        """Confirm, without repeating the story."""
        says = words(answers.language)
        read = hours.after_sending(contact.opening_hours, says)
        return self._render("sent.html", says, reference=contact.reference, read=read)

    def taken(self, answers: Answers) -> HTMLResponse:
        """Explain that this form was sent before with other content, and offer to make it another message."""
        return self._render("taken.html", words(answers.language), 409, answers=answers.as_new())

    def unreadable(self, language: PageLanguage, status: int) -> HTMLResponse:
        """Explain that nothing could be made of what was sent."""
        return self._render("unreadable.html", words(language), status, too_large=status == PayloadTooLarge.status)

    def help(self, language: PageLanguage) -> HTMLResponse:
        """List the other help."""
        return self._render("help.html", words(language), path="/hulp")

    def safety(self, language: PageLanguage) -> HTMLResponse:
        """Tell how to leave few traces."""
        return self._render("safety.html", words(language), path="/veilig")

    def demo(self, language: PageLanguage) -> HTMLResponse:
        """Show a page of an invented website that carries the chat."""
        return self._render("demo.html", words(language), path="/demo")

    def _render(self, template: str, says: Words, status: int = 200, **values: object) -> HTMLResponse:
        common: dict[str, object] = {
            "t": says,
            "lang": says("language.tag"),
            "language": says.language.value,
            "languages": [(each.value, words(each)("language.tag"), words(each)("language.name")) for each in PageLanguage],
            "site": self._settings,
            "emergencies": [entry for entry in self._help if entry.emergency],
            "others": [entry for entry in self._help if not entry.emergency],
            "is_demo": self._demo,
            "path": None,
            "errors": {},
            "trap": TRAP,
        }
        return self._pages.render(template, status, **common | values)


def facts(answers: Answers, says: Words) -> list[tuple[str, str]]:
    """Give what will be sent: the questions that were answered, each with the answer in words."""
    shown = [
        ("form.story.kind", _choice("form.story.kind", answers["kind"], says)),
        ("form.story.text", answers["text"]),
        ("form.situation.role", _choice("form.situation.role", answers["role"], says)),
        ("form.situation.sector", _sector(answers["sector"], says)),
        ("form.situation.minor", _yes_or_no(answers["minor"], says)),
    ]
    if answers.anonymous:
        shown.append(("form.you.identity", says("review.anonymous")))
    else:
        shown += _reachable(answers, says)
    return [(says(key), answer) for key, answer in shown if answer]


def _reachable(answers: Answers, says: Words) -> list[tuple[str, str]]:
    return [
        ("form.you.name", answers["name"]),
        ("form.you.email", answers["email"]),
        ("form.you.phone", answers["phone"]),
        ("form.safe.channel", _choice("form.safe.channel", answers["safe_channel"], says)),
        ("form.safe.times", answers["safe_times"]),
        ("form.safe.voicemail", _yes_or_no(answers["voicemail"], says)),
        ("form.safe.neutral", says("choice.yes") if answers["neutral_sender"] else ""),
        ("form.safe.note", answers["safe_note"]),
    ]


def _choice(question: str, value: str, says: Words) -> str:
    return says(f"{question}_{value}") if value else ""


def _sector(value: str, says: Words) -> str:
    return says(f"form.sector.{Sector(value).name}") if value else ""


def _yes_or_no(value: str, says: Words) -> str:
    return {"ja": says("choice.yes"), "nee": says("choice.no")}.get(value, "")
