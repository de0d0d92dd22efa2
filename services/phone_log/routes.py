"""The addresses of the desk, all under `/desk`."""

from fastapi import APIRouter

from services.phone_log.desk.contact import add_contact
from services.phone_log.desk.files import add_files
from services.phone_log.desk.frame import Desk, route_class
from services.phone_log.desk.handover import add_handover
from services.phone_log.desk.link import add_link
from services.phone_log.desk.overview import add_overview
from services.phone_log.desk.registering import add_registering
from services.phone_log.desk.sign_in import add_sign_in


def routes(desk: Desk) -> APIRouter:
    """Put every page of the desk on a router. Pages are for people: they are in no API description."""
    router = APIRouter(route_class=route_class(desk), include_in_schema=False)
    for add in (add_sign_in, add_overview, add_registering, add_contact, add_files, add_link, add_handover):
        add(router, desk)
    return router
