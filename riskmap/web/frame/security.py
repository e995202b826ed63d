"""Security headers on every answer, Streamlit's own pages included.

The content policy lets a page load from, and talk to, the server it came from and nothing else:
what the offline rule says, the browser enforces. st_folium runs the map's code with `eval`, and
Streamlit styles inline; both have to stay allowed.

Signed addresses: a route answers only what a page of ours asked for.

Routes of `st.App` get no login protection of their own, so every one that returns data reads a
token first. The secret belongs to the workspace (`data/secret`, readable by its owner only) or
comes from RISKMAP_SECRET.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from riskmap.errors import RiskmapError

DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def page_policy(host: str) -> str:
    """Return the content policy of pages served under `host`."""
    sockets = f" ws://{host} wss://{host}" if host and all(c.isalnum() or c in ".:-[]" for c in host) else ""
    return (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        f"connect-src 'self' data: blob:{sockets}; worker-src 'self' blob:; frame-src 'self'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )


class SecurityHeaders:
    """ASGI middleware: adds the headers that an answer does not already carry."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = page_policy(Headers(scope=scope).get("host", ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, send_with_headers)


_SECRET_FILE = "secret"  # noqa: S105 - the name of a file


DAY_S = 86_400


class ForbiddenError(RiskmapError):
    """A token that is not ours, was changed, or has run out."""

    def __init__(self) -> None:
        super().__init__(
            "地址已失效或被改动；请回到页面刷新后重试",
            "this address has run out or was changed; reload the page",
        )


def workspace_secret(data: Path) -> str:
    """Return the secret of a workspace, made on first use.

    Where the directory cannot be written to, the secret lasts as long as the process.
    """
    given = os.environ.get("RISKMAP_SECRET")
    if given:
        return given
    file = data / _SECRET_FILE
    made = secrets.token_urlsafe(32)
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = file.read_text(encoding="ascii").strip()
        return kept or made
    except OSError:
        return made
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(made)
    return made


class Signer:
    """Signs and reads tokens. A token of one purpose is worth nothing for another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._read = lru_cache(maxsize=4096)(self._check)

    def sign(self, purpose: str, value: Any) -> str:
        """Return a token that is the same for the same value, so that answers can be cached."""
        return _text(URLSafeSerializer(self._secret, salt=purpose).dumps(value))

    def read(self, purpose: str, token: str) -> Any:
        """Return what `sign` was given. Raises ForbiddenError for any other text."""
        return self._read(purpose, token)

    def _check(self, purpose: str, token: str) -> Any:
        try:
            return URLSafeSerializer(self._secret, salt=purpose).loads(token)
        except BadData as problem:
            raise ForbiddenError from problem

    def sign_for_a_day(self, purpose: str, value: Any) -> str:
        """Return a token that `read_within_a_day` takes until tomorrow."""
        return _text(URLSafeTimedSerializer(self._secret, salt=purpose).dumps(value))

    def read_within_a_day(self, purpose: str, token: str) -> Any:
        """Return what `sign_for_a_day` was given. Raises ForbiddenError afterwards."""
        try:
            return URLSafeTimedSerializer(self._secret, salt=purpose).loads(token, max_age=DAY_S)
        except BadData as problem:
            raise ForbiddenError from problem


def _text(token: str | bytes) -> str:
    return token if isinstance(token, str) else token.decode("ascii")
