"""Where visitors' WebSockets come in: before the layers of the app, which an open connection would carry with it for as long as it lasts."""

from functools import partial
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from onthaal_schema.problems import ProblemError, TooManyRequests
from services.chat_relay.doors import admit
from services.chat_relay.frame_socket import FrameSocket
from services.chat_relay.frames import VISITOR_FRAMES
from services.chat_relay.limits import Crowd, CrowdedNetworkError
from services.chat_relay.relay import Relay
from services.chat_relay.settings import ChatSettings
from services.chat_relay.visitor import VisitorConnection
from services.kit.problems import answer
from services.kit.throttle import Throttle, client_network

PATH: Final = "/chat/v1/visitor"


class VisitorEntrance:
    """ASGI: serves the WebSockets of visitors, and passes everything else on."""

    def __init__(self, app: ASGIApp, relay: Relay, settings: ChatSettings, origin: str) -> None:
        """Stand before an app. `origin` is this site's own, whose pages may connect beside those of the settings."""
        self._app = app
        self._relay = relay
        self._settings = settings
        self._origins = frozenset({origin, *settings.chat_origins.split()})
        self._crowd = Crowd(settings.chat_sockets_per_network)
        self._starts = Throttle(relay.clock, settings.chat_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or pass on."""
        if scope["type"] != "websocket" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        try:
            with self._crowd.enter(client_network(websocket, self._settings.trusted_proxies)) as network:
                admit(websocket, self._origins)
                socket = FrameSocket(receive, send, VISITOR_FRAMES, self._settings.chat_pace)
                await socket.accept()
                await VisitorConnection(socket, self._relay, partial(self._starts.admit_network, network)).serve()
        except CrowdedNetworkError:
            await websocket.send_denial_response(answer(TooManyRequests("Close another chat first.")))
        except ProblemError as problem:
            await websocket.send_denial_response(answer(problem))
