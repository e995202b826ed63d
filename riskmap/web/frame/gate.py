"""The gate before everything, Streamlit and its WebSocket included: who may talk to this server.

A browser carries the requests of any page to any server, one on 127.0.0.1 included. So a request is
answered only under an address that this server was told is its own (scheme, host and port, exactly), and
only for a page of that same address: not for another site, not for a name that somebody points at this
machine (DNS rebinding), not for another port of this machine. Streamlit's own check comes too late: for a
foreign origin it first asks an outside host for the machine's address.

What it cannot stop: a program on this machine, which writes whatever headers it likes.

Behind the gate only known paths lead on. Streamlit brings routes that nobody here uses (sign-in, metrics, an
interface for agents) and answers any other path with its page, as if it were there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from riskmap.errors import RiskmapError, Text
from riskmap.web.frame.security import DATA_POLICY
from riskmap.web.pages import page_paths

PUBLIC: Final = "RISKMAP_PUBLIC"

_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")
_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65_535
_ORIGIN: Final = re.compile(
    r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE
)
# What our pages ask of Streamlit. Sign-in, metrics and the interface for agents are not among it, nor is
# `/media/`: what lies there is bound to nobody (`st.download_button`, `st.image`); see `downloads.offer`.
STREAMLIT: Final = frozenset({"/favicon.png", "/_stcore/health", "/_stcore/host-config", "/_stcore/stream"})
STREAMLIT_FOLDERS: Final = ("/static/", "/component/", "/_stcore/upload_file/")

_SHOWN: Final = 80  # letters of a header that a refusal repeats
_MISDIRECTED: Final = 421
_ABSENT: Final = 404


_log = logging.getLogger(__name__)


class Origin(NamedTuple):
    """Scheme, host and port under which a browser knows a server; two pages share data where all are equal."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        plain = f"{self.scheme}://{self.host}"
        return plain if self.port == _PORTS[self.scheme] else f"{plain}:{self.port}"


def origin_of(text: str) -> Origin | None:
    """Return the origin that a text names; None for `null`, a path, a user name, a port that does not exist."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return None
    scheme, host = found[1].lower(), found[2].lower().removesuffix(".")
    port = int(found[3] or _PORTS[scheme])
    return Origin(scheme, host, port) if 0 < port <= _HIGHEST_PORT else None


def public_origins(text: str) -> frozenset[Origin]:
    """Return the addresses that RISKMAP_PUBLIC lists by commas. RiskmapError for what is no whole address."""
    return frozenset(_public(part.strip()) for part in text.split(",") if part.strip())


def _public(text: str) -> Origin:
    found = origin_of(text)
    if found is None:
        raise RiskmapError(
            f"{PUBLIC}：{text[:_SHOWN]} 不是完整网址；写协议、主机和端口，不带路径，例如 https://risk.example.cn",
            f"{PUBLIC}: {text[:_SHOWN]} is no whole address; write scheme, host and port without a path, "
            "e.g. https://risk.example.cn",
        )
    return found


@lru_cache(maxsize=8)
def local_origins(port: int) -> frozenset[Origin]:
    """Return what a browser on this machine may call the server on this port."""
    return frozenset(Origin("http", host, port) for host in _LOCAL)


class Gate:
    """ASGI middleware: passes on what comes from a page of this server, and refuses the rest in one line.

    `public` are the addresses that a proxy gives this server. Without any, it is known on this machine
    only, under the port that a request really came in by. The scheme is the one that was declared, never
    what a header says.
    """

    def __init__(self, app: ASGIApp, public: Collection[Origin] = ()) -> None:
        self._app, self._public = app, frozenset(public)
        self._noted: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it: 421 where this is the wrong server for it, 403 for a WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        own = self._own(scope)
        objection = _objection(scope, own)
        if objection is None:
            await self._app(scope, receive, send)
        else:
            refusal = _refusal(objection, own)
            self._note(objection.partition(":")[0], refusal)
            await _refuse(scope, receive, send, refusal, _MISDIRECTED)

    def _note(self, header: str, refusal: Text) -> None:
        """Log the first refusal for a header: a proxy that is set up wrongly shows, a hostile page fills no log."""
        if header not in self._noted:
            self._noted.add(header)
            _log.warning("%s", refusal)

    def _own(self, scope: Scope) -> frozenset[Origin]:
        if self._public:
            return self._public
        _, port = scope.get("server") or ("", None)
        return frozenset() if port is None else local_origins(port)


def _objection(scope: Scope, own: frozenset[Origin]) -> str | None:
    """Return the header that speaks against a request, as it came; None where nothing does."""
    headers = Headers(scope=scope)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    here = {one for one in own if len(hosts) == 1 and one == origin_of(f"{one.scheme}://{hosts[0]}")}
    if not here:
        return _seen("Host", hosts)
    if len(origins) > 1 or (origins and origin_of(origins[0]) not in here):
        return _seen("Origin", origins)
    if scope["type"] == "websocket":  # a browser always says where a socket comes from
        return None if origins else _seen("Origin", origins)
    return _other_site(scope, headers)


def _other_site(scope: Scope, headers: Headers) -> str | None:
    """Return what says that a page of elsewhere asks; a link from there may open a page, but read nothing.

    `same-site` is another port of this machine. Browsers that do not say are old ones; those who are no
    browser need none of this.
    """
    site = headers.getlist("sec-fetch-site")
    if site in ([], ["same-origin"], ["none"]):
        return None
    opens = (
        headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
    )
    return None if opens and scope["method"] == "GET" else _seen("Sec-Fetch-Site", site)


def _seen(name: str, values: list[str]) -> str:
    return f"{name}: {_printable(', '.join(values)) if values else '—'}"


def _printable(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:_SHOWN])


def _refusal(seen: str, own: frozenset[Origin]) -> Text:
    first = str(min(own, default=""))
    return Text(
        f"已拒绝：请求头 {seen} 不是本服务自己的；请直接打开 {first}。经代理使用时，管理员把网址写进环境变量 {PUBLIC}",
        f"refused: the request's {seen} is not this server's own; open {first} itself. Behind a proxy, its address "
        f"stands in the variable {PUBLIC}",
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Text, status: int) -> None:
    if scope["type"] == "websocket":
        # Before it is accepted: the server answers 403. A browser shows no text of it.
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": DATA_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    answer = PlainTextResponse(f"{refusal.zh}\n{refusal.en}\n", status, headers)
    await answer(scope, receive, send)


class KnownPaths:
    """ASGI middleware: passes on addresses of pages, of our routes and of what pages ask of Streamlit; else 404."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say that there is nothing at its address."""
        if scope["type"] == "lifespan" or self._known(scope):
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, _nothing_at(scope["path"]), _ABSENT)

    def _known(self, scope: Scope) -> bool:
        path = scope["path"]
        if path in STREAMLIT or path in page_paths() or path.startswith(STREAMLIT_FOLDERS):
            return True
        if path.removesuffix("/") in page_paths():  # Streamlit leads to the address without the stroke
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)


def _nothing_at(path: str) -> Text:
    shown = _printable(path)
    return Text(
        f"没有这个地址：{shown}；请从首页 / 打开",
        f"there is nothing at {shown}; start from the first page, /",
    )
