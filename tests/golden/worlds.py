"""The golden workspaces by name, and making one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.golden.demo import demo
from tests.golden.freezing import folded
from tests.golden.small import science, small
from tests.golden.world import World, in_china

# Name → what runs in it, and the longest list that is kept whole.
WORLDS = {"demo": (demo, 12), "small": (small, 80), "science": (science, 80)}


def whole_documents(name: str) -> dict[str, Any]:
    """Return the documents of a golden workspace, name → document as it came."""
    live, _ = WORLDS[name]
    with tempfile.TemporaryDirectory() as folder, in_china():
        world = World(Path(folder).resolve())
        live(world)
    return world.documents


def golden_documents(name: str) -> dict[str, Any]:
    """Return the documents of a golden workspace as they are kept."""
    _, longest = WORLDS[name]
    return {key: folded(document, longest) for key, document in whole_documents(name).items()}
