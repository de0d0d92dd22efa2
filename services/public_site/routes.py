"""The addresses of the public site. None sets a cookie, and none carries what somebody wrote."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from onthaal_schema.channel import Channel
from services.kit.words import PageLanguage
from services.public_site.contact import ContactForm, Opening
from services.public_site.pages import PublicPages

WIPE: Final = {"Clear-Site-Data": '"cache", "storage"'}


def public_router(pages: PublicPages, form: ContactForm, opening: Opening, exit_url: str, *, demo: bool) -> APIRouter:
    """Route to the pages; the demo page is there only when asked for."""
    router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @router.get("/")
    async def front(lang: str = "nl") -> Response:
        hours = dict(zip(Channel, await asyncio.gather(*map(opening.of, Channel)), strict=True))
        return pages.front(PageLanguage.chosen(lang), hours)

    @router.get("/contact")
    async def blank(lang: str = "nl") -> Response:
        return await form.blank(PageLanguage.chosen(lang))

    @router.post("/contact")
    async def take(request: Request) -> Response:
        return await form.take(request)

    @router.get("/hulp")
    async def other_help(lang: str = "nl") -> Response:
        return pages.help(PageLanguage.chosen(lang))

    @router.get("/veilig")
    async def safety(lang: str = "nl") -> Response:
        return pages.safety(PageLanguage.chosen(lang))

    @router.get("/exit")
    async def leave() -> Response:
        return RedirectResponse(exit_url, 303, headers=WIPE)

    if demo:
        router.add_api_route("/demo", lambda lang="nl": pages.demo(PageLanguage.chosen(lang)))

    return router
