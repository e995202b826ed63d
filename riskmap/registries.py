"""Registries: a folder whose every module states one member, so that a new file adds one and nothing else changes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any


def members(package: str, constant: str) -> Iterator[tuple[str, Any]]:
    """Yield (full module name, what the module states as `constant`) of a package, by name.

    A folder of the package's path counts as well as a file. AttributeError where a module states nothing.
    """
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        yield module.name, getattr(importlib.import_module(module.name), constant)
