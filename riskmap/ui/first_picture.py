"""Wait with what can wait until the browser has painted the map's first points.

A browser draws a page and the map inside it with one thread. Where the sidebar's switches arrive
together with the map, the points come a third of a second later; the map therefore tells the server
when they are there, and the script that draws the page goes on then.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Event, Lock
from typing import Final

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
