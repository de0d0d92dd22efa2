"""The public pages as a service."""

from onthaal_schema.channel import Channel
from services.kit.service import House, Service
from services.kit.settings import read
from services.kit.throttle import Throttle
from services.public_site import other_help
from services.public_site.contact import ContactForm, Opening
from services.public_site.pages import HERE, PublicPages
from services.public_site.routes import public_router
from services.public_site.settings import PublicSiteSettings

NAME = "public_site"


def create(house: House) -> Service:
    """Make the service: the contact form and the pages around it."""
    settings = read(PublicSiteSettings)
    pages = PublicPages(settings, other_help.read(settings.other_help), demo=house.process.demo)
    opening = Opening(house.intake.anonymous())

    async def healthy() -> bool:
        return await opening.of(Channel.CONTACTFORMULIER) is not None

    form = ContactForm(
        pages,
        house.intake.own(NAME),
        opening,
        house.clock,
        Throttle(house.clock, settings.form_rate, settings.trusted_proxies),
        settings.scanner(),
    )
    router = public_router(pages, form, opening, settings.exit_url, demo=house.process.demo)
    return Service(NAME, router, static={"/static/public_site": HERE / "static"}, health=healthy)
