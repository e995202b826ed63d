"""Mutants: one operator, limit, number or branch altered at a time; the tests of the module must notice.

The altered text is loaded in a process of its own in place of the module; no file of the program changes.
"""

from __future__ import annotations

import ast
import copy
import queue
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.attack.program import ROOT, Program
from tests.attack.rows import Row, row

NEEDED = 0.8
CORES = 2
REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"  # of plugins that were imported beforehand
CANNOT_RUN = (3, 4, 5, 70)  # what pytest ends with, and the process, where no test was heard
OURS = ("riskmap", "tests", "conftest", "hypothesis", "_hypothesis_pytestplugin")


@dataclass(frozen=True)
class Part:
    """Modules, and the tests that state what they do: the quick and telling ones first."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    mutants: int


PARTS = (
    Part(
        "formulas",
        ("formulas/*.py",),
        (
            "formulas_values",
            "formulas_science",
            "formulas_weights",
            "formulas_indices",
            "wind_formulas",
            "fire_weather_formulas",
        ),
        60,
    ),
    Part(
        "scoring kernel",
        ("scoring/kernel.py", "scoring/nodes.py", "scoring/methods.py"),
        ("assess_kernel", "models_values", "models_formulas", "models_indices", "assess_explain"),
        40,
    ),
    Part("the judge of cells", ("rules/cell.py",), ("intake_cells", "intake_golden", "messy_files"), 40),
    Part(
        "ledger",
        ("ledger/merging.py", "ledger/planning.py", "ledger/revisions.py"),
        ("ledger_import", "ledger_edit", "contract_upsert", "ledger_rejects", "ledger_upkeep"),
        40,
    ),
)


@dataclass(frozen=True)
class Mutant:
    """One alteration: where, what it says, and the whole text of the module with it."""

    path: Path
    line: int
    said: str
    text: str

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)


def run(room: Path, *, seed: int) -> list[Row]:
    """Alter the parts of which every figure depends; returns a row for each part."""
    return [_attacked(part, room / part.name.replace(" ", "-"), seed) for part in PARTS]


def _attacked(part: Part, room: Path, seed: int) -> Row:
    with row(f"mutants: {part.name}") as found:
        found.needed = NEEDED
        chosen = _chosen(part, random.Random(f"{seed} {part.name}"))
        testers: queue.Queue[Program] = queue.Queue()
        with ThreadPoolExecutor(CORES) as pool:
            for number in range(CORES):
                testers.put(Program(room / str(number)))
            try:
                sound = _tests(testers, part, seed)
                unaltered = _unaltered(chosen[0].path)
                for said in [
                    sound(unaltered) for _ in range(2 * CORES)
                ]:  # each learns, then tries as it will
                    if said:
                        raise RuntimeError(f"the tests fail without a mutant: {said}")
                for mutant, killed in zip(chosen, pool.map(sound, chosen), strict=True):
                    where = f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.said}"
                    found.tried(*([] if killed else [where]))
            finally:
                while not testers.empty():
                    testers.get().__exit__()
        found.remark = f"{found.survived / found.tries:.0%} noticed, {NEEDED:.0%} needed"
    return found


def _tests(testers: queue.Queue[Program], part: Part, seed: int) -> Callable[[Mutant], str]:
    """Return what runs the tests of a part against a mutant and says how they failed ("" where they passed)."""
    files = [str(ROOT / "tests" / f"test_{name}.py") for name in part.tests]

    def tried(mutant: Mutant) -> str:
        tester = testers.get()
        try:
            text = tester.room / "altered.py"
            text.write_text(mutant.text, encoding="utf-8")
            options = ("-x", "-q", "-p", "no:xdist", "-W", REWRITTEN, f"--hypothesis-seed={seed}")
            words = (
                "!tests",
                mutant.module,
                mutant.path,
                text,
                *options,
                f"--basetemp={tester.room / 'tmp'}",
                *files,
            )
            ran = tester.run(*words) if mutant.said else tester.learn(*words, but=OURS)
            if ran.status in CANNOT_RUN:
                raise RuntimeError(f"the tests do not run: {ran.err[-300:]}")
            return "" if ran.status == 0 else f"{ran.status}: {(ran.out + ran.err)[-300:]}"
        finally:
            testers.put(tester)

    return tried


def _chosen(part: Part, draw: random.Random) -> list[Mutant]:
    paths = [path for module in part.modules for path in sorted((ROOT / "riskmap").glob(module))]
    sites = [(path, n) for path in paths for n in range(sum(1 for _ in _sites(_parsed(path))))]
    return [_mutant(*site) for site in sorted(draw.sample(sites, min(part.mutants, len(sites))))]


def _unaltered(path: Path) -> Mutant:
    """Return what has to pass: the module as it is, loaded as its mutants are."""
    return Mutant(path, 0, "", ast.unparse(_parsed(path)))


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _mutant(path: Path, number: int) -> Mutant:
    tree = _parsed(path)
    for n, (holder, name, index, new) in enumerate(_sites(tree)):
        if n == number:
            held = getattr(holder, name)
            old = held if index is None else held[index]
            if index is None:
                setattr(holder, name, new)
            else:
                held[index] = new
            said = f"{_short(old)} → {_short(new)}"
            return Mutant(path, old.lineno, said, ast.unparse(ast.fix_missing_locations(tree)))
    raise LookupError(path, number)


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


# A place in the tree: the node that holds it, under which name, at which place of a list, and what stands there then.
Site = tuple[ast.AST, str, int | None, ast.AST]

# What no test has to notice: types, what is said to people, and what a declaration is made with.
_UNTOUCHED = (ast.Raise, ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)
_UNTOUCHED_FIELDS = ("annotation", "returns", "decorator_list", "type_params", "bases", "keywords_of_class")


def _sites(tree: ast.AST) -> Iterator[Site]:
    for name, value in ast.iter_fields(tree):
        if name in _UNTOUCHED_FIELDS:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, _UNTOUCHED) or _is_said(node):
                continue
            for new in _alterations(node, name):
                yield tree, name, index, new
            yield from _sites(node)


def _is_said(node: ast.AST) -> bool:
    """Tell a message to people, which holds texts in two languages."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"Say", "Issue"}


_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COMBINED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_CALLED = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "minimum": "maximum",
    "maximum": "minimum",
}
_SMALL = 1e-5  # a tolerance, which no figure depends on


def _alterations(node: ast.AST, name: str) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            yield _with(node, ops=[_COMPARED[type(op)]()])
        case ast.BinOp(op=op) if type(op) in _COMBINED and not _joins(node):
            yield _with(node, op=_COMBINED[type(op)]())
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool(value)) if name != "value":
            yield _with(node, value=not value)
        case ast.Constant(value=int() | float() as value) if (
            not isinstance(value, bool) and abs(value) > _SMALL
        ):
            yield _with(node, value=value + 1 if isinstance(value, int) else value * 1.1)
        case ast.Name(id=called) if name == "func" and called in _CALLED:
            yield _with(node, id=_CALLED[called])
        case ast.Attribute(attr=called) if name == "func" and called in _CALLED:
            yield _with(node, attr=_CALLED[called])
        case ast.IfExp():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.If() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.AugAssign(op=ast.Add() | ast.Sub() as op):
            yield _with(node, op=_COMBINED[type(op)]())
        case ast.Expr(value=ast.Call()) | ast.Continue() | ast.Break():
            yield ast.copy_location(ast.Pass(), node)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _joins(node: ast.BinOp) -> bool:
    """Tell texts, lists and types that are joined: altered, they only stop."""
    sides = (node.left, node.right)
    if any(isinstance(side, ast.List | ast.Tuple | ast.JoinedStr | ast.Dict) for side in sides):
        return True
    if any(isinstance(side, ast.Constant) and not isinstance(side.value, int | float) for side in sides):
        return True
    return isinstance(node.op, ast.BitOr) and any(
        isinstance(side, ast.Name) and side.id in {"int", "float", "str", "bool", "bytes"} for side in sides
    )
