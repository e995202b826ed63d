"""The app as an ASGI application: Streamlit's pages and our routes on one port.

`uvicorn riskmap.web.frame.app:app` serves an installed wheel; the workspace is RISKMAP_WORKSPACE or the
current directory.

Serve the app on this machine with uvicorn.

`streamlit run` works too; uvicorn sets TCP_NODELAY on its sockets, which makes small answers (map
tiles) some 40 ms faster.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import typer
import uvicorn
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RiskmapError
from riskmap.interface import option
from riskmap.web.frame import background
from riskmap.web.frame.assets import FromMemory, bundles, frontend
from riskmap.web.frame.gate import PUBLIC, Gate, KnownPaths, public_origins
from riskmap.web.frame.routes import routes
from riskmap.web.frame.running import long_actions
from riskmap.web.frame.security import SecurityHeaders, Sessions
from riskmap.web.frame.settings import apply_settings
from riskmap.web.frame.state import workspace

_MAIN = Path(__file__).parents[1] / "main.py"


_log = logging.getLogger(__name__)


def _warm() -> None:
    """Build what the first visitor would wait for; what is wrong is said by a page, not here."""
    try:
        ws = workspace()
        current_snapshot(ws)
        background.boundaries(ws)
        background.relief(ws)
        bundles()
        _ = frontend().later
    except RiskmapError as problem:
        _log.warning("%s", problem)


@asynccontextmanager
async def _lifespan(_app: App) -> AsyncIterator[dict[str, Any]]:
    before = os.umask(0o077)  # what a server writes is for the account it runs under
    try:
        warming = asyncio.get_running_loop().run_in_executor(None, _warm)
        yield {}
        long_actions.stop_all()
        await asyncio.wait([warming])
    finally:
        os.umask(before)


def served() -> dict[str, Any]:
    """Return what `App(**served())` needs, with Streamlit set up for it."""
    apply_settings()
    # A folder "pages" beside the script would be served the old way when an address names a page.
    PagesManager.uses_pages_directory = False
    ours, public = routes(), public_origins(os.environ.get(PUBLIC, ""))
    return {
        "script_path": _MAIN,
        "routes": ours,
        "middleware": [
            Middleware(Gate, public=public),
            Middleware(Sessions, secure=bool(public) and all(one.scheme == "https" for one in public)),
            Middleware(SecurityHeaders, scripts=frontend().inline),
            Middleware(KnownPaths, routes=ours),
            Middleware(FromMemory),
        ],
        "lifespan": _lifespan,
    }


app = App(**served())


HOST = "127.0.0.1"


def run(*, port: int, open_browser: bool = False, url_lang: Literal["zh", "en"] = "zh") -> None:
    """Serve until interrupted. RiskmapError when the port is taken.

    The workspace is named by RISKMAP_WORKSPACE. `port` 0 lets the system choose one.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            raise RiskmapError(
                f"端口 {port} 已被占用；换一个，例如 riskmap serve {option('port')} {port + 1}",
                f"port {port} is taken; choose another, e.g. riskmap serve {option('port', 'en')} {port + 1}",
            ) from problem
        port = probe.getsockname()[1]
    address = f"http://{HOST}:{port}"
    typer.echo(f"riskmap → {address}   (Ctrl+C 停止 / stops)", err=True)
    if open_browser:
        threading.Timer(1.5, webbrowser.open, (f"{address}/?lang={url_lang}",)).start()
    _give_memory_back()
    logging.getLogger("streamlit").setLevel(logging.WARNING)
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False, ws="websockets-sansio")


def _give_memory_back() -> None:
    """Ask glibc to return freed arrays to the system instead of keeping them for each thread.

    Left alone it learns from a few large arrays to keep all of up to 32 MB: with a million records
    the server held 300 MB more than it used. Other systems' allocators do not need to be asked.
    """
    mmap_threshold, arena_max = -3, -8  # malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 1 << 20)
        libc.mallopt(arena_max, 2)
