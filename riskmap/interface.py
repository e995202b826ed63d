"""What the interface in use calls the options that a message speaks of.

Who refuses an option cannot know whether a person wrote `--step-minutes`, filled in a field of a page or passed
`step_minutes`: messages name it by `option("step-minutes")`, and an interface says once, when it starts, which one it
is. The environment keeps it, so that the processes that read files for it say the same.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from typing import Final, Literal

import tomli

from riskmap.errors import Lang

Interface = Literal["command line", "page"]

_VARIABLE: Final = "RISKMAP_INTERFACE"


def speak_as(interface: Interface) -> None:
    """Name options as `interface` does in every message made from now on; in Python they are named as parameters."""
    os.environ[_VARIABLE] = interface


def option(name: str, lang: Lang = "zh") -> str:
    """Return what the interface in use calls an option, here named as on the command line, without its dashes."""
    interface = os.environ.get(_VARIABLE)
    if interface == "command line":
        return f"--{name}"
    if interface == "page" and name in (labels := _labels()):
        return f"“{labels[name][lang]}”"
    return name.replace("-", "_")


@cache
def _labels() -> dict[str, dict[str, str]]:
    """Return option → the label of its field on the pages."""
    return tomli.loads(resources.files("riskmap.texts").joinpath("options.toml").read_text(encoding="utf-8"))
