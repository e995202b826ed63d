"""Leaflet, our JavaScript and the CSS of both as one file.

st_folium loads its links one after another, and style sheets last: a map that starts before its
style sheet measures itself wrongly and asks for the wrong tiles. One script that brings its styles
along costs one request and is never early.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

_ASSETS = Path(__file__).parent / "assets"


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


def leaflet_dir() -> Path:
    """Return the folder of Leaflet's own files, where its package put them."""
    return Path(str(resources.files("xstatic.pkg.leaflet") / "data"))


@lru_cache(maxsize=1)
def bundles() -> dict[str, Bundle]:
    """Return name → file: styles, Leaflet, then our parts in the order of their names."""
    leaflet = leaflet_dir()
    parts = b"\n".join(part.read_bytes() for part in sorted(_ASSETS.glob("*.js")))
    styles = "\n".join(
        file.read_text(encoding="utf-8") for file in (leaflet / "leaflet.css", *sorted(_ASSETS.glob("*.css")))
    )
    script = b"\n".join(
        [
            f"const riskmapStyles = {json.dumps(styles)};".encode(),
            b"document.head.append(Object.assign(document.createElement('style'), {textContent: riskmapStyles}));",
            _without_map(leaflet / "leaflet.js"),
            b'(() => {\n"use strict";',
            parts,
            b"})();\n",
        ]
    )
    return {"map.js": Bundle("map.js", "text/javascript", script)}


def _without_map(script: Path) -> bytes:
    """Drop the pointer to a source map, which a browser with open tools would ask for in vain."""
    lines = script.read_bytes().splitlines()
    return b"\n".join(line for line in lines if not line.startswith(b"//# sourceMappingURL"))
