"""A process that starts commands of the program by splitting itself: each a process of its own, to be killed.

Reads one JSON line for each order and answers with one: `{"import": [modules]}` once, so that no
command spends its first second on imports; `{"words": […], "out": path, "file_bytes": n}` begins a
command and answers with its process id; `{"wait": pid}` answers with its wait status. Words that
begin with `!` are what no command does: edits of records, the ledger's own check, and the tests of one altered module. Nothing
of riskmap is imported before a command asks for it: an altered module must come first.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import random
import sys
import traceback
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _check(root: str) -> int:
    """Open the ledger and let it look for contradictions."""
    from riskmap.actions.workspace import open_workspace

    found = open_workspace(Path(root)).ledger.check()
    for line in found:
        _say(line)
    return len(found)


def _edit(*words: str) -> int:
    """Change one field of one record, scored with it."""
    from riskmap.actions.records.editing import edit_point
    from riskmap.actions.workspace import open_workspace
    from riskmap.errors import RiskmapError
    from riskmap.rules.permissions import local_actor

    root, layer, code, seen, field, text = words
    by, changes = local_actor("攻击"), {field: text}
    try:
        edit_point(
            open_workspace(Path(root)), layer, code, seen=int(seen), changes=changes, by=by, why="attack"
        )
    except RiskmapError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


def _edits(root: str, layer: str, field: str, name: str, count: str, *codes: str) -> int:
    """Make many edits of records drawn from `codes`; says each: code, version seen, version made (0: refused).

    One in five states a version that is over; whoever is refused for another's edit looks again.
    """
    from riskmap.actions.records.editing import edit_point
    from riskmap.actions.records.scoring import one_feature
    from riskmap.actions.workspace import open_workspace
    from riskmap.errors import StaleRevisionError
    from riskmap.rules.permissions import local_actor

    ws, draw = open_workspace(Path(root)), random.Random(name)
    for number in range(int(count)):
        code, late = draw.choice(codes), draw.random() < 0.2
        while True:
            seen = int(one_feature(ws, layer, code).version[0]) - late
            text = f"{name}-{number}-{seen}{'-late' if late else ''}"
            try:
                made = edit_point(
                    ws, layer, code, seen=seen, changes={field: text}, by=local_actor(name), why="attack"
                ).version
            except StaleRevisionError:
                made = 0
            _say([code, seen, made, text])
            if made or late:
                break
    return 0


class _Altered(SourceFileLoader):
    """Loads a module from a text that is not the one of its file, and finds no other module."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)


def _tests(module: str, path: str, text: str, *words: str) -> int:
    """Run tests with one module altered: `text` is the file that holds what stands in its place."""
    import pytest

    sys.meta_path.insert(0, _Altered(module, path, Path(text).read_text(encoding="utf-8")))
    return int(pytest.main(list(words)))


ACTS = {"!check": _check, "!edit": _edit, "!edits": _edits, "!tests": _tests}


def _run(words: list[str]) -> int:
    try:
        if words[0] in ACTS:
            return ACTS[words[0]](*words[1:])
        from riskmap.cli import main

        sys.argv = ["riskmap", *words]
        main(words)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except BaseException:  # noqa: BLE001 - what any interpreter does at its end
        traceback.print_exc()
        return 70
    return 0


def _begin(order: dict) -> int:
    """Split off a process that runs the words, its output in `out` and `out`.err; returns its id."""
    child = os.fork()
    if child:
        return child
    for number, path in ((0, os.devnull), (1, order["out"]), (2, order["out"] + ".err")):
        handle = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
    if order.get("file_bytes"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"],) * 2)
    status = _run(order["words"])
    if order.get("modules"):
        Path(order["modules"]).write_text(json.dumps(sorted(sys.modules)), encoding="utf-8")
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def serve() -> None:
    """Answer orders until the input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _say(os.waitpid(order["wait"], 0)[1])
        elif "import" in order:
            for name in order["import"]:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
            _say(len(sys.modules))
        else:
            _say(_begin(order))


if __name__ == "__main__":
    serve()
