"""The table that an attack fills: one row for each kind of attack, and what it did to the program."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HEAD = ("attack", "tries", "survived", "lost records", "seconds", "verdict")
_SHOWN = 12  # failures of one row that are printed; the row counts all of them


@dataclass
class Row:
    """One kind of attack: how often it was tried, and each try that the program did not survive."""

    attack: str
    tries: int = 0
    lost: int = 0
    seconds: float = 0.0
    needed: float = 1.0  # share of the tries that must be survived
    failures: list[str] = field(default_factory=list)
    remark: str = ""

    def tried(self, *problems: str) -> None:
        """Count one try and, if it failed, the first thing that is wrong."""
        self.tries += 1
        self.failures += list(problems[:1])

    @property
    def survived(self) -> int:
        return self.tries - len(self.failures)

    @property
    def passed(self) -> bool:
        return self.tries > 0 and not self.lost and self.survived >= self.needed * self.tries

    def cells(self) -> tuple[str, ...]:
        verdict = ("ok" if self.passed else "FAILED") + (f" ({self.remark})" if self.remark else "")
        return (
            self.attack,
            str(self.tries),
            str(self.survived),
            str(self.lost),
            f"{self.seconds:.0f}",
            verdict,
        )


@contextmanager
def row(attack: str) -> Iterator[Row]:
    """Yield a row and time what is done to it; what the attack itself cannot do is a failure of the row."""
    made, started = Row(attack), time.monotonic()
    try:
        yield made
    except Exception as problem:  # noqa: BLE001 - the other rows go on, and this one says what happened
        made.tried(f"the attack stopped: {type(problem).__name__}: {problem}")
    finally:
        made.seconds = time.monotonic() - started


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(rows: list[Row]) -> str:
    """Return the rows under their heading, and below it every failure (at most a dozen of each row)."""
    lines = [HEAD, *(r.cells() for r in rows)]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(HEAD))]
    printed = [
        " | ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    printed.insert(1, "-+-".join("-" * width for width in widths))
    for r in rows:
        printed += [f"  {r.attack}: {failure}" for failure in r.failures[:_SHOWN]]
        if len(r.failures) > _SHOWN:
            printed.append(f"  {r.attack}: … and {len(r.failures) - _SHOWN} more")
    return "\n".join(line.rstrip() for line in printed)
