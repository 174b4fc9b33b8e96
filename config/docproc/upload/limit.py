"""Refuses uploads that are too large: at once by their announced length, else as soon as they exceed it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_ALLOWANCE = 64 << 10  # boundaries, headers and the other fields of the form


class LimitBody:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    def refusal(self) -> str:
        """The sentence the sender gets."""
        return f"the document is larger than {self.limit / (1 << 20):.1f} MiB"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass requests on, counting their bytes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.limit + FORM_ALLOWANCE
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            await JSONResponse({"detail": self.refusal()}, 413)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, self.refusal())
            return message

        await self.app(scope, counted, send)
