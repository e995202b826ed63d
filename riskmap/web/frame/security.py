"""Security headers on every answer, Streamlit's own pages included.

The content policy lets a page load from, and talk to, the server it came from and nothing else:
what the offline rule says, the browser enforces.

Signed addresses: a route answers only what a page of ours asked for.

Routes of `st.App` get no login protection of their own, so every one that returns data reads a token
first: it is for one purpose, for the browser session that was given it, and for some days. The secret
belongs to the workspace (`data/secret`, readable by its owner only) or comes from RISKMAP_SECRET.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from riskmap.errors import RiskmapError
from riskmap.io.files.atomic import private_folder
from riskmap.moments import utc_now
from riskmap.web.pages import page_paths

DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


# Every relaxation, and what would not work without it (looked at in Chromium, all pages):
#   page, script blob:             our panels are components, whose script Streamlit turns into a module of its own
#   page, script sha256-…          the two inline scripts of Streamlit's page, by their content
#   page, style 'unsafe-inline'    Streamlit writes its styles into the page while it draws
#   page, image data:              the icon of the tab, which Streamlit passes on as text
#   page, font data:               a small font within Streamlit's style sheet
#   frame, script 'unsafe-inline'  st_folium writes the map's code into its frame, and
#   frame, script 'unsafe-eval'    runs what changes of it with `eval`; text of records is never in it
#   frame, style 'unsafe-inline'   Leaflet places each tile and symbol by its style
#   frame, image data:             Leaflet shows an empty picture for a tile that it has given up
FRAME_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

_FRAMES: Final = "/component/"


def page_policy(host: str, scripts: Sequence[str] = ()) -> str:
    """Return the content policy of pages served under `host`; `scripts` are digests of their inline scripts."""
    # The gate has let the host through. Browsers of some years ago do not count a socket as 'self'.
    sockets = f" ws://{host} wss://{host}" if host and all(c.isalnum() or c in ".:-[]" for c in host) else ""
    own = "".join(f" 'sha256-{digest}'" for digest in scripts)
    return (
        f"default-src 'none'; script-src 'self'{own} blob:; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self' data:; connect-src 'self'{sockets}; frame-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class SecurityHeaders:
    """ASGI middleware: adds the headers that an answer does not already carry."""

    def __init__(self, app: ASGIApp, scripts: Sequence[str] = ()) -> None:
        self._app, self._scripts = app, scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = self._policy(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "same-origin")
                # What the browser keeps of us is for no other site's page either, another port's included.
                headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _policy(self, scope: Scope) -> str:
        if scope["path"] in page_paths():
            return page_policy(Headers(scope=scope).get("host", ""), self._scripts)
        return FRAME_POLICY if scope["path"].startswith(_FRAMES) else DATA_POLICY


_SECRET_FILE = "secret"  # noqa: S105 - the name of a file


class ForbiddenError(RiskmapError):
    """A token that is not ours, was changed, has run out, or was given to another browser session."""

    def __init__(self) -> None:
        super().__init__(
            "地址已失效、被改动，或属于另一个浏览器；请允许 Cookie，回到页面刷新后重试",
            "this address has run out, was changed, or belongs to another browser; allow cookies and reload the page",
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
        private_folder(data)
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
    """Signs and reads tokens: for one purpose, for one browser session, and until a day.

    A token of another purpose or session is worth nothing, nor is one whose last day (UTC) is over.
    """

    def __init__(self, secret: str, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._secret, self._clock = secret, clock
        self._read = lru_cache(maxsize=4096)(self._check)

    def sign(self, purpose: str, value: Any, session: str, *, days: int = 1) -> str:
        """Return a token that `read` takes from this session until `days` more days have begun and ended.

        It is the same all day for the same value and session, so that answers can be cached.
        """
        return _text(
            URLSafeSerializer(self._secret, salt=purpose).dumps([value, session, self._day() + days])
        )

    def read(self, purpose: str, token: str, session: str) -> Any:
        """Return what `sign` was given. Raises ForbiddenError for any other text, session or time."""
        value, of, last_day = self._read(purpose, token)
        if not secrets.compare_digest(str(of), session) or self._day() > last_day:
            raise ForbiddenError
        return value

    def _check(self, purpose: str, token: str) -> tuple[Any, str, int]:
        try:
            value, session, last_day = URLSafeSerializer(self._secret, salt=purpose).loads(token)
        except (BadData, TypeError, ValueError) as problem:
            raise ForbiddenError from problem
        return value, session, last_day

    def _day(self) -> int:
        return self._clock().toordinal()


def _text(token: str | bytes) -> str:
    return token if isinstance(token, str) else token.decode("ascii")


SESSION_HEADER: Final = (
    "X-Riskmap-Session"  # set by `Sessions` alone: what a client sends under this name is dropped
)

_COOKIE_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def session_of(cookie: str) -> str:
    """Return the name of a browser session: it tells who asks, but does not let anybody ask for them."""
    return hashlib.sha256(cookie.encode()).hexdigest()[:32]


def cookie_name(host: str, *, secure: bool) -> str:
    """Return the name of our cookie. Without TLS it holds the port: cookies do not know ports, servers do.

    `__Host-` lets no other host and no plain connection set it.
    """
    return "__Host-riskmap" if secure else f"riskmap-{host.rpartition(':')[2] if ':' in host else 80}"


class Sessions:
    """ASGI middleware: a cookie names the browser that opened a page, a header of ours tells it to whoever answers.

    Opening a page without a cookie of ours sets one, until the browser is closed. Nobody signs in with it: it
    only keeps the addresses that one browser was given from being used by another.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app, self._secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the name of its session, and set the cookie where a page was opened without."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        name = cookie_name(request.headers.get("host", ""), secure=self._secure)
        cookie = request.cookies.get(name, "")
        known = bool(_COOKIE_VALUE.fullmatch(cookie))
        if not known and scope["type"] == "http" and scope["path"] in page_paths():
            send = self._setting(name, send)
        await self._app(
            {**scope, "headers": _told(scope["headers"], session_of(cookie) if known else "")}, receive, send
        )

    def _setting(self, name: str, send: Send) -> Send:
        words = f"{name}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self._secure else ''}"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", words)
            await send(message)

        return send_with_cookie


def _told(headers: Iterable[tuple[bytes, bytes]], session: str) -> list[tuple[bytes, bytes]]:
    ours = SESSION_HEADER.lower().encode()
    kept = [(name, value) for name, value in headers if name.lower().replace(b"_", b"-") != ours]
    return [*kept, (ours, session.encode())] if session else kept
