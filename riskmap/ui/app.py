"""The app as an ASGI application: Streamlit's pages and our routes on one port.

`uvicorn riskmap.ui.app:app` serves an installed wheel; the workspace is RISKMAP_WORKSPACE or the
current directory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from riskmap.errors import RiskmapError
from riskmap.ui import ground
from riskmap.ui.bundle import bundles
from riskmap.ui.frontend import FromMemory, frontend
from riskmap.ui.headers import SecurityHeaders
from riskmap.ui.routes import routes
from riskmap.ui.settings import apply_settings
from riskmap.ui.state import snapshot, workspace

_MAIN = Path(__file__).with_name("main.py")
_log = logging.getLogger(__name__)


def _warm() -> None:
    """Build what the first visitor would wait for; what is wrong is said by a page, not here."""
    try:
        snapshot()
        ws = workspace()
        ground.boundaries(ws)
        ground.relief(ws)
        bundles()
        _ = frontend().later
    except RiskmapError as problem:
        _log.warning("%s", problem)


@asynccontextmanager
async def _lifespan(_app: App) -> AsyncIterator[dict[str, Any]]:
    warming = asyncio.get_running_loop().run_in_executor(None, _warm)
    yield {}
    await asyncio.wait([warming])


def served() -> dict[str, Any]:
    """Return what `App(**served())` needs, with Streamlit set up for it."""
    apply_settings()
    # A folder "pages" beside the script would be served the old way when an address names a page.
    PagesManager.uses_pages_directory = False
    return {
        "script_path": _MAIN,
        "routes": routes(),
        "middleware": [Middleware(SecurityHeaders), Middleware(FromMemory)],
        "lifespan": _lifespan,
    }


app = App(**served())
