"""What a long action tells of itself while it runs, and how a person stops it.

An action is given a `Progress` and calls `step` wherever stopping costs nothing: before anything is written, or inside
a transaction or a file that then goes away. Once something of it stays, it goes on with `written`, which cannot be stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from riskmap.errors import Text


class Cancelled(BaseException):
    """A long action was stopped on request and nothing of it is written.

    No `Exception`: what catches those to go on with the rest must not go on with this.
    """


@dataclass(frozen=True, slots=True)
class Progress:
    """Who watches a long action: nobody, unless it is said.

    `tell` gets the share done of the whole action, 0–1, and what is being done; `stop` answers whether it was asked
    to stop. `start` and `end` are the shares of the whole between which this part of it lies.

    >>> from riskmap.errors import Text
    >>> told = []
    >>> whole = Progress(lambda share, what: told.append((share, what.en)))
    >>> reading, writing = whole.parts(3, 1)
    >>> reading.step(1, 2, Text("读取", "reading"))
    >>> writing.step(0, 1, Text("写入", "writing"))
    >>> told
    [(0.375, 'reading'), (0.75, 'writing')]
    """

    tell: Callable[[float, Text], None] | None = None
    stop: Callable[[], bool] | None = None
    start: float = 0.0
    end: float = 1.0

    def step(self, done: float, of: float, what: Text) -> None:
        """Say that `done` of `of` is done and `what` comes now. Cancelled where it was asked to stop."""
        if self.stop is not None and self.stop():
            raise Cancelled
        if self.tell is not None:
            share = min(1.0, max(0.0, done / of)) if of else 1.0
            self.tell(self.start + share * (self.end - self.start), what)

    def parts(self, *sizes: float) -> tuple[Progress, ...]:
        """Cut into parts one after the other, each with its share of the sum of all sizes."""
        total, done, found = sum(sizes) or 1.0, 0.0, []
        for size in sizes:
            at = [self.start + share / total * (self.end - self.start) for share in (done, done + size)]
            found.append(replace(self, start=at[0], end=at[1]))
            done += size
        return tuple(found)

    @property
    def written(self) -> Progress:
        """The same watcher from where something stays written: told, and no longer asked."""
        return replace(self, stop=None)

    @property
    def watched(self) -> bool:
        """Whether anybody is told: where nobody is, what only a share needs is not looked up."""
        return self.tell is not None


UNWATCHED: Final = Progress()
