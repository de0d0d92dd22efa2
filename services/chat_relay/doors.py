"""Who may open a connection: checked at the handshake, before anything is accepted."""

from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from services.chat_relay.frames import PROTOCOL


def comes_from(websocket: WebSocket, origins: frozenset[str]) -> bool:
    """Whether the page that asks is one of this site or of these origins (ASVS 5.0 §4.4.2). Without an Origin: no."""
    origin = websocket.headers.get("origin")
    if origin is None:
        return False
    return origin in origins or urlsplit(origin).netloc == websocket.headers.get("host")


def speaks(websocket: WebSocket) -> bool:
    """Whether the page offers the protocol."""
    return PROTOCOL in websocket.scope.get("subprotocols", [])
