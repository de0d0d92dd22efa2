"""Where the chat is reached: the operators' WebSocket, the loader, the widget and the operators' page."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, WebSocket
from starlette.responses import Response

from onthaal_schema.problems import ProblemError
from services.chat_relay.doors import admit
from services.chat_relay.frame_socket import FrameSocket
from services.chat_relay.frames import OPERATOR_FRAMES
from services.chat_relay.leaving import Leaving
from services.chat_relay.operator import OperatorConnection
from services.chat_relay.pages import ChatPages
from services.chat_relay.relay import Relay
from services.kit.auth import Operator, OperatorGate, desk_route
from services.kit.problems import answer


def public_routes(relay: Relay, pages: ChatPages, leaving: Leaving) -> APIRouter:
    """Make the routes that visitors and their sites use, beside `VisitorEntrance`."""
    router = APIRouter()

    @router.get("/chat/widget.js", include_in_schema=False)
    async def loader() -> Response:
        return pages.loader()

    @router.get("/chat/widget", include_in_schema=False)
    async def widget(lang: str = "nl") -> Response:
        return pages.widget(lang, await relay.door.hours())

    @router.post("/chat/v1/leave", include_in_schema=False, status_code=204)
    async def leave(request: Request) -> None:
        await leaving(request)

    return router


def desk_routes(relay: Relay, pages: ChatPages, gate: OperatorGate, pace: float) -> APIRouter:
    """Make the routes that operators use."""
    router = APIRouter(route_class=desk_route(gate))

    @router.get("/desk/chat", include_in_schema=False)
    async def desk(operator: Annotated[Operator, Depends(gate)]) -> Response:
        return pages.desk(operator)

    @router.get("/chat/v1/operator/session", include_in_schema=False)
    async def session(_: Annotated[Operator, Depends(gate)]) -> Response:
        """Renew the token in the cookie, when it is too old: a WebSocket handshake cannot."""
        return Response(status_code=204)

    @router.get("/chat/v1/operator/answers", include_in_schema=False)
    async def answers(_: Annotated[Operator, Depends(gate)]) -> Response:
        """Give the ready-made answers."""
        return pages.answers()

    @router.websocket("/chat/v1/operator")
    async def operator(websocket: WebSocket) -> None:
        try:
            signed_in = await gate(websocket)
            admit(websocket, frozenset())
        except ProblemError as problem:
            await websocket.send_denial_response(answer(problem))
            return
        socket = FrameSocket(websocket.receive, websocket.send, OPERATOR_FRAMES, pace)
        await socket.accept()
        await OperatorConnection(socket, relay, signed_in, partial(gate.confirm, signed_in)).serve()

    return router
