"""The desk as the gateway runs it: pages only. It keeps nothing; what operators do lives in the register."""

from pathlib import Path

from services.kit.auth import OperatorGate
from services.kit.service import House, Service
from services.kit.settings import read
from services.phone_log.desk.frame import Desk
from services.phone_log.routes import routes
from services.phone_log.settings import DeskSettings


def create(house: House) -> Service:
    """Make the service."""
    gate = OperatorGate(house.intake, house.clock, house.process.origin)
    settings = read(DeskSettings)
    desk = Desk(house, settings, gate, settings.scanner())
    return Service("phone_log", routes(desk), static={"/static/desk": Path(__file__).parent / "static"})
