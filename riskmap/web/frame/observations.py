"""`POST /observations`: the one door by which a gateway sends readings, with a token and nothing else.

It stands behind the gate like every route. Without the token nothing is read and nothing is said. The answer comes
after the commit: what it counts as accepted is on the disk.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from riskmap.actions.readings.ingesting import ingest
from riskmap.actions.readings.tokens import is_token
from riskmap.errors import LedgerError, RiskmapError, Text
from riskmap.io.files.leftovers import mark
from riskmap.json_documents import Document, dumps
from riskmap.rules.permissions import Actor
from riskmap.values.readings import Ingested
from riskmap.web.frame.security import DATA_POLICY
from riskmap.web.frame.state import follow_files, workspace

PATH: Final = "/observations"


MOST_BYTES: Final = 8 << 20


"""A year of one sensor, every five minutes, as lines of JSON; more is an import of files."""


_MOST_WAITING: Final = 16  # bodies that lie in memory while the one before is written


_ENDINGS: Final = {
    "text/csv": ".csv",
    **dict.fromkeys(
        ("application/json", "application/jsonl", "application/x-ndjson", "application/x-jsonlines"), ".jsonl"
    ),
}


_GATEWAY: Final = Actor("gateway", None, frozenset({"import"}))


_TOO_LARGE: Final = Text(
    f"内容超过 {MOST_BYTES >> 20} MB，未取入；请分成几次发送",
    f"the body has more than {MOST_BYTES >> 20} MB, nothing was taken; send it in parts",
)


_NO_KIND: Final = Text(
    "Content-Type 应为 text/csv 或 application/x-ndjson，不压缩；未取入",
    "Content-Type must be text/csv or application/x-ndjson, uncompressed; nothing was taken",
)


_BUSY: Final = Text("正在写入，排队已满；请稍后再发", "busy writing, the queue is full; send it again later")


_BROKEN: Final = Text("程序出错，请看服务器记录", "unexpected error, see the server's log")


_log = logging.getLogger(__name__)


class _Queue:
    """One batch is written after the other, whoever sends; few may be on their way."""

    def __init__(self) -> None:
        self._inside = 0
        self._turn = asyncio.Lock()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Hold a place from the first byte to the commit; False where there is none left."""
        free = self._inside < _MOST_WAITING
        self._inside += free
        try:
            yield free
        finally:
            self._inside -= free

    async def take(self, body: bytes, ending: str) -> Ingested:
        async with self._turn:
            return await run_in_threadpool(_taken, body, ending)


_queue = _Queue()


async def observations(request: Request) -> Response:
    """Take in the readings of a body: JSON lines or CSV; see `docs/readings.md`."""
    try:
        if not await run_in_threadpool(_may_send, request.headers.get("authorization", "")):
            return _answer(None, 401, {"WWW-Authenticate": "Bearer"})
        return await _received(request)
    except ClientDisconnect:
        return _answer(None, 400)
    except Exception:  # noqa: BLE001 - logged; whoever asked gets an answer, not a traceback
        _log.exception("route %s failed", PATH)
        return _refused(_BROKEN, 500)


def _may_send(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and is_token(workspace(), token.strip())


async def _received(request: Request) -> Response:
    ending = _ENDINGS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if ending is None or request.headers.get("content-encoding", "identity") != "identity":
        return _refused(_NO_KIND, 415)
    with _queue.place() as free:
        if not free:
            return _refused(_BUSY, 503, {"Retry-After": "10"})
        body = await _body(request.stream(), request.headers.get("content-length", "0"))
        if body is None:
            return _refused(_TOO_LARGE, 413, {"Connection": "close"})
        try:
            done = await _queue.take(body, ending)
        except LedgerError as problem:
            return _refused(problem.say, 503)
        except RiskmapError as problem:
            return _refused(problem.say, 400)
    return _answer(done.as_json("en" if request.query_params.get("lang") == "en" else "zh"), 200)


async def _body(stream: AsyncIterator[bytes], stated: str) -> bytes | None:
    """Return the whole body, None where it is too large: what a header says, and what really comes."""
    if not stated.isdigit() or int(stated) > MOST_BYTES:
        return None
    body = bytearray()
    async for piece in stream:
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _taken(body: bytes, ending: str) -> Ingested:
    follow_files()
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / f"observations{ending}"
        file.write_bytes(body)
        return ingest(workspace(), file, by=_GATEWAY, name=f"observations{ending}")


def _refused(said: Text, status: int, headers: dict[str, str] | None = None) -> Response:
    return _answer({"error": {"zh": said.zh, "en": said.en}}, status, headers)


def _answer(document: Document | None, status: int, headers: dict[str, str] | None = None) -> Response:
    body = b"" if document is None else dumps(document)
    stated = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": DATA_POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    kind = None if document is None else "application/json"
    return Response(body, status_code=status, media_type=kind, headers=stated | (headers or {}))
