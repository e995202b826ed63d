"""How tests wait: for what they need, as long as a loaded machine may take, and never a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 240  # whoever waits longer waits for ever; a whole test is given up later than that


def until(holds: Callable[[], Any], *, within: float = PATIENCE_S, step: float = 0.02) -> Any:
    """Ask until the answer is yes, or the seconds are over; returns the last answer."""
    end = time.monotonic() + within
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(step)
    return found
