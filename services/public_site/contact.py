"""The steps of the contact form: fill in, read again, send. Nothing is kept here between two steps."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse

from onthaal_schema.channel import Channel
from onthaal_schema.contact import Contact, FormSubmission
from onthaal_schema.intake import Intake
from onthaal_schema.opening_hours import OpeningHours
from onthaal_schema.problems import Conflict, Erased, PayloadTooLarge, ProblemError, TooManyRequests
from services.kit.clock import Clock
from services.kit.logging import error_name, logger
from services.kit.scanning import Scanner, scanned
from services.kit.throttle import Throttle
from services.kit.words import PageLanguage
from services.public_site import upload
from services.public_site.form import Answers, WrongAnswers, submission
from services.public_site.pages import PublicPages
from services.public_site.upload import Posted

log = logger(__name__)

UNAVAILABLE: Final = 503


@dataclass(frozen=True)
class ContactForm:
    """Takes a person through the form. Success is only said after the contact is registered."""

    pages: PublicPages
    intake: Intake
    opening: "Opening"
    clock: Clock
    throttle: Throttle
    scanner: Scanner | None

    async def blank(self, language: PageLanguage) -> HTMLResponse:
        """Show an empty form."""
        return self.pages.form(Answers.blank(language, self.clock.now()), await self._hours(), fresh=True)

    async def take(self, request: Request) -> HTMLResponse:
        """Take one step with what was posted."""
        language = PageLanguage.chosen(request.query_params.get("lang"))
        try:
            posted = await upload.read(request)
        except ProblemError as problem:
            return self.pages.unreadable(language, problem.status)
        except ClientDisconnect:
            return self.pages.unreadable(language, 400)
        answers = Answers.of(posted.fields)
        match posted.fields.get("step"):
            case "edit":
                return self.pages.form(answers, await self._hours())
            case "send":
                return await self._send(request, answers, posted)
            case _:
                return await self._review(answers.paced(self.clock.now()))

    async def _review(self, answers: Answers) -> HTMLResponse:
        try:
            submission(answers)
        except WrongAnswers as wrong:
            return self.pages.form(answers, await self._hours(), wrong.errors)
        return self.pages.review(answers)

    async def _send(self, request: Request, answers: Answers, posted: Posted) -> HTMLResponse:
        try:
            sent = submission(answers)
            await self.throttle.admit(request)
        except WrongAnswers as wrong:
            return self.pages.form(answers, await self._hours(), wrong.errors)
        except TooManyRequests as refused:
            wait = refused.problem.retry_after_sec or 60
            return self.pages.review(answers, refused.status, files_lost=bool(posted.files), wait=wait)
        if posted.too_much:
            return self.pages.review(answers, PayloadTooLarge.status)
        return await self._register(answers, sent, posted)

    async def _register(self, answers: Answers, sent: FormSubmission, posted: Posted) -> HTMLResponse:
        try:
            contact = await self.intake.register(answers.contact_id, sent, await scanned(posted.files, self.scanner))
        except (Conflict, Erased):
            return self.pages.taken(answers)
        except PayloadTooLarge as problem:
            return self.pages.review(answers, problem.status)
        except Exception as error:  # noqa: BLE001 -- see below
            # whatever it is: somebody just told their story, and must be able to send it again
            log.error("form not registered", contact=str(answers.contact_id), error=error_name(error))  # noqa: TRY400 -- a traceback may hold the story
            return self.pages.review(answers, UNAVAILABLE, files_lost=bool(posted.files))
        return self._confirm(answers, contact)

    def _confirm(self, answers: Answers, contact: Contact) -> HTMLResponse:
        log.info("form registered", contact=str(contact.id), channel=Channel.CONTACTFORMULIER.value)
        return self.pages.sent(answers, contact)

    async def _hours(self) -> OpeningHours | None:
        return await self.opening.of(Channel.CONTACTFORMULIER)


@dataclass(frozen=True)
class Opening:
    """Asks whether channels are open. A page must not fail because nobody can tell."""

    intake: Intake

    async def of(self, channel: Channel) -> OpeningHours | None:
        """Give the hours of a channel now, or nothing when they cannot be asked."""
        try:
            return await self.intake.opening_hours(channel)
        except ProblemError as problem:
            log.warning("opening hours unknown", channel=channel.value, status=problem.status)
            return None
