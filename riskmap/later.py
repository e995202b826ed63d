"""Modules that are loaded when something of them is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Later:
    """Stands for a module until something is asked of it, and passes every question on."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def later(name: str) -> Any:
    """Return what stands for a module. `importlib.util.LazyLoader` would do the same, but not for two threads at once."""
    return _Later(name)
