"""Who may open a connection: checked at the handshake, before anything is accepted."""

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from onthaal_schema.problems import InvalidAccessToken, InvalidInput
from services.chat_relay.frames import PROTOCOL
from services.kit.auth import comes_from_here


def comes_from(connection: HTTPConnection, origins: frozenset[str]) -> bool:
    """Whether the page that asks is one of this site or of these origins (ASVS 5.0 §4.4.2). Without an Origin: no."""
    return connection.headers.get("origin") in origins or comes_from_here(connection)


def speaks(websocket: WebSocket) -> bool:
    """Whether the page offers the protocol."""
    return PROTOCOL in websocket.scope.get("subprotocols", [])


def admit(websocket: WebSocket, origins: frozenset[str]) -> None:
    """Let a handshake through.

    Raises:
        InvalidAccessToken: it comes from a page of another site.
        InvalidInput: it does not speak the protocol.

    """
    if not comes_from(websocket, origins):
        raise InvalidAccessToken("The connection is not asked for by a page of an allowed site.")
    if not speaks(websocket):
        raise InvalidInput(f"Offer the WebSocket subprotocol {PROTOCOL}.")
