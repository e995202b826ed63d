"""Risk-point mapping and assessment for a district emergency-management bureau.

`open`, `create` and `demo` give a `District`; `score` needs none. See docs/api.md.
Importing riskmap loads nothing else: each name below brings its part when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskmap.offline import close_off

__version__ = "0.2.0"

if TYPE_CHECKING:
    from riskmap import formulas
    from riskmap.district import District, LayerView, Scenario, create, demo, open, score  # noqa: A004 - riskmap.open
    from riskmap.errors import RiskmapError, StaleRevisionError
    from riskmap.values.records import CLEAR

__all__ = [
    "CLEAR",
    "District",
    "LayerView",
    "RiskmapError",
    "Scenario",
    "StaleRevisionError",
    "__version__",
    "create",
    "demo",
    "formulas",
    "open",
    "score",
]

_HOMES = {
    "CLEAR": "values.records",
    "RiskmapError": "errors",
    "StaleRevisionError": "errors",
    **dict.fromkeys(("District", "LayerView", "Scenario", "create", "demo", "open", "score"), "district"),
}

close_off()


def __getattr__(name: str) -> Any:
    if name == "formulas":
        return import_module("riskmap.formulas")
    if name not in _HOMES:
        raise AttributeError(f"module 'riskmap' has no attribute {name!r}")
    value = getattr(import_module(f"riskmap.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
