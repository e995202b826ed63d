"""Ask an ASGI application for an answer, without a server and without a client library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from riskmap.web.frame.security import cookie_name, session_of

COOKIE = "c" * 43
SESSION = session_of(COOKIE)


@dataclass(frozen=True)
class Answer:
    """One answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def get(
    app: Any,
    address: str,
    *,
    params: Mapping[str, str] | None = None,
    method: str = "GET",
    host: str = "127.0.0.1:8501",
    headers: Sequence[tuple[str, str]] | None = None,
    kind: str = "http",
    cookie: str = COOKIE,
) -> Answer:
    """Return the answer to `address`, as a browser on 127.0.0.1 would ask for it.

    `headers` are all of them, instead of `host` and the `cookie` of a page that was opened before; `kind`
    may be websocket: it is only knocked with.
    """
    parts = urlsplit(address)
    query = parts.query + (urlencode(params) if params else "")
    messages: list[dict[str, Any]] = []
    knock = {"type": "websocket.connect"}
    asked = iter([{"type": "http.request", "body": b"", "more_body": False} if kind == "http" else knock])

    async def receive() -> dict[str, Any]:
        for message in asked:
            return message
        await asyncio.Event().wait()  # a browser that stays until it has everything
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    known = [("cookie", f"{cookie_name(host, secure=False)}={cookie}")] if cookie else []
    said = [("host", host), *known] if headers is None else headers
    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": quote(parts.path).encode(),
        "root_path": "",
        "query_string": quote(query, safe="=&%+,").encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in said],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8501),
    }
    asyncio.run(app(scope, receive, send))
    start = messages[0]
    if start["type"] == "websocket.close":
        return Answer(403, {}, b"")  # as the server answers where a socket is closed before it was accepted
    headers = {key.decode(): value.decode() for key, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(m.get("body", b"") for m in messages[1:]))
