"""Leaflet, our JavaScript and the CSS of both as one file.

st_folium loads its links one after another, and style sheets last: a map that starts before its
style sheet measures itself wrongly and asks for the wrong tiles. One script that brings its styles
along costs one request and is never early.

Wait with what can wait until the browser has painted the map's first points.

A browser draws a page and the map inside it with one thread. Where the sidebar's switches arrive
together with the map, the points come a third of a second later; the map therefore tells the server
when they are there, and the script that draws the page goes on then.

Streamlit's own files from memory, and a word to the browser about those that come later.

A first visit asks for some hundred small scripts, one after another: Streamlit's static route looks
each up on disk in a thread, and what a page's widgets need is asked for only once they are drawn.
Here their addresses are known when the app starts; the answer is a copy of the bytes, and the HTML
names the later ones in its `Link` header, so that they arrive while the first ones are compiled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Event, Lock
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import file_util

from riskmap.errors import Lang
from riskmap.reports.browser_map import leaflet_script, map_script, map_styles
from riskmap.texts import t
from riskmap.web.frame.state import LANGUAGE_COOKIE, LANGUAGES
from riskmap.web.pages import page_paths

_ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One file for the browser; `digest` is part of its address, so it can be cached for ever."""

    name: str
    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        """First hex digits of the SHA-256 of the file."""
        return hashlib.sha256(self.body).hexdigest()[:12]

    @property
    def link(self) -> str:
        """Address relative to the app's base."""
        return f"assets/{self.digest}/{self.name}"


@lru_cache(maxsize=1)
def bundles() -> dict[str, Bundle]:
    """Return name → file: the map (styles, Leaflet, then our parts in the order of their names), the languages."""
    parts = b"\n".join([map_script().encode(), *(part.read_bytes() for part in sorted(_ASSETS.glob("*.js")))])
    styles = "\n".join([map_styles(), *(file.read_text("utf-8") for file in sorted(_ASSETS.glob("*.css")))])
    script = b"\n".join(
        [
            f"const riskmapStyles = {json.dumps(styles)};".encode(),
            b"document.head.append(Object.assign(document.createElement('style'), {textContent: riskmapStyles}));",
            leaflet_script().encode(),
            b'(() => {\n"use strict";',
            parts,
            b"})();\n",
        ]
    )
    return {
        "map.js": Bundle("map.js", "text/javascript", script),
        # A script of its own file: the content policy of pages takes none that is written into them.
        **{f"{lang}.js": _page_script(lang) for lang in LANGUAGES},
    }


def _page_script(lang: Lang) -> Bundle:
    """Return what runs on every page in one language."""
    words = {
        "lang": "zh-CN" if lang == "zh" else lang,
        "main": t("skip_main", lang),
        "map": t("skip_map", lang),
        "kept": f"{LANGUAGE_COOKIE}={lang}; path=/; max-age=31536000; SameSite=Lax",  # a year, no secret
    }
    script = (_ASSETS / "shell" / "page.js").read_text(encoding="utf-8")
    text = f"{{ const riskmapPage = {json.dumps(words)};\n{script}}}\n"  # a block: it runs once per language
    return Bundle(f"{lang}.js", "text/javascript", text.encode())


PATIENCE_S: Final = 1.5  # a map that never tells (no script, a slow line) delays the switches no longer


_MOST: Final = 256  # visits at once; older ones are let go


class FirstPictures:
    """The visits that wait for their first points, by a name that only the visitor's page knows."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Event] = OrderedDict()
        self._lock = Lock()

    def visit(self) -> str:
        """Return a new visit's name."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._waiting[name] = Event()
            while len(self._waiting) > _MOST:
                _, oldest = self._waiting.popitem(last=False)
                oldest.set()
        return name

    def painted(self, name: str) -> None:
        """Let the page of a visit go on; a name that is not known does nothing."""
        with self._lock:
            event = self._waiting.get(name)
        if event is not None:
            event.set()

    def wait(self, name: str, patience_s: float = PATIENCE_S) -> None:
        """Return once the points are painted or patience has run out; a visit waits only once."""
        with self._lock:
            event = self._waiting.get(name)
        if event is None:
            return
        event.wait(patience_s)
        with self._lock:
            self._waiting.pop(name, None)


first_pictures: Final = FirstPictures()


# Parts of Streamlit that every page of ours, or the map, draws first: stems of its script files.
DRAWN_FIRST: Final = ("ComponentInstance", "Html", "ButtonGroup", "Checkbox", "Multiselect", "TextInput")


# Where the server is: without it, opening /inventory asks for /inventory/_stcore/health, and the browser reports
# that it is not there. And what a step of history is.
START: Final = "".join(
    (
        'window.__streamlit={BACKEND_BASE_URL:location.origin+"/"};\n',
        (_ASSETS / "shell" / "history.js").read_text(encoding="utf-8"),
    )
)


_FOLDERS: Final = ("js", "css", "media")


_FOR_EVER: Final = "public, immutable, max-age=31536000"  # their names change with their content


_IMPORTED: Final = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


_LISTED: Final = re.compile(r'"\./static/js/([\w.-]+\.js)"')


class Frontend:
    """The files of `static/` by name. `folder` is that of Streamlit's index.html."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {
            f"/static/{name}/{file.name}": file
            for name in _FOLDERS
            for file in sorted((folder / "static" / name).glob("*"))
        }
        self._read: dict[str, tuple[bytes, str]] = {}

    def file(self, path: str) -> tuple[bytes, str] | None:
        """Return bytes and media type of what an address names; None where it is no file of these."""
        if (found := self._read.get(path)) is not None:
            return found
        if (file := self._files.get(path)) is None:
            return None
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        found = file.read_bytes(), kind
        self._read[path] = found
        return found

    @cached_property
    def later(self) -> tuple[str, ...]:
        """Scripts that the first page needs and index.html does not name, with what they import."""
        index = (self._folder / "index.html").read_text(encoding="utf-8")
        seen = set(_LISTED.findall(index))
        found: list[str] = []
        waiting = [name for stem in DRAWN_FIRST for name in self._named(stem)]
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            found.append(name)
            waiting += _IMPORTED.findall((self._folder / "static" / "js" / name).read_text(encoding="utf-8"))
        return tuple(f"/static/js/{name}" for name in found)

    @cached_property
    def page(self) -> bytes:
        """Streamlit's page with what has to run before anything of it."""
        index = (self._folder / "index.html").read_text(encoding="utf-8")
        return index.replace("<head>", f"<head><script>{START}</script>", 1).encode()

    @cached_property
    def inline(self) -> tuple[str, ...]:
        """The SHA-256 (base64) of each script that stands in the page itself, for the content policy."""
        found = _INLINE.findall(self.page)
        return tuple(base64.b64encode(hashlib.sha256(text).digest()).decode() for text in found)

    def _named(self, stem: str) -> list[str]:
        return [
            Path(path).name for path in self._files if re.fullmatch(rf"/static/js/{stem}\.[\w-]+\.js", path)
        ]


@lru_cache(maxsize=1)
def frontend() -> Frontend:
    """Return the files of the Streamlit that is installed."""
    return Frontend(Path(file_util.get_static_dir()))


class FromMemory:
    """ASGI middleware: answers for Streamlit's page and static files, and names in a page's `Link` header what follows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass the request on."""
        found = _kept(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            await found(scope, receive, send)


def _kept(path: str) -> Response | None:
    if path in page_paths():
        links = ", ".join(f"<{later}>; rel=modulepreload" for later in frontend().later)
        return Response(
            frontend().page, media_type="text/html", headers={"Cache-Control": "no-cache", "Link": links}
        )
    if (found := frontend().file(path)) is None:
        return None
    body, kind = found
    return Response(body, headers={"Cache-Control": _FOR_EVER, "Content-Type": kind})
