"""Mutants: one operator, limit, number or branch altered at a time; the tests of the module must notice.

The altered text is loaded in a process of its own in place of the module; no file of the program changes.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import queue
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.attack.program import ROOT, Program
from tests.attack.rows import Row, row

# Share of the mutants of each part that its tests must notice; the survivors are named. Some can be noticed
# by nobody: `<` for `<=` where both come to the same, a default that every caller overrides.
NEEDED = 0.7
CORES = 2
REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"  # of plugins that were imported beforehand
CANNOT_RUN = (3, 4, 5, 70)  # what pytest ends with, and the process, where no test was heard
OURS = ("riskmap", "tests", "conftest", "hypothesis", "_hypothesis_pytestplugin")


@dataclass(frozen=True)
class Part:
    """Modules below riskmap, each with the quick tests that state what it does, and how many mutants to draw."""

    name: str
    tests: Mapping[str, tuple[str, ...]]
    mutants: int


SCIENCE = ("formulas_values", "formulas_science", "formulas_weights", "formulas_indices")
NODES = ("assess_kernel", "models_values", "models_formulas", "models_indices", "assess_explain")
CHANGES = ("ledger_import", "ledger_edit", "ledger_rejects")
PARTS = (
    Part(
        "formulas",
        {
            **{
                f"formulas/{name}.py": SCIENCE
                for name in ("composite", "domain", "shelter", "slope", "water")
            },
            "formulas/work_risk.py": SCIENCE,
            "formulas/fire_weather.py": ("fire_weather_formulas", "formulas_values"),
            "formulas/wind.py": ("wind_formulas", "formulas_science"),
        },
        16,
    ),
    Part(
        "scoring kernel",
        {
            "scoring/kernel.py": NODES,
            "scoring/nodes.py": NODES,
            "scoring/methods.py": (*NODES, "assess_uncertainty"),
        },
        12,
    ),
    Part("the judge of cells", {"rules/cell.py": ("intake_cells", "intake_golden")}, 12),
    Part(
        "ledger",
        {
            "ledger/merging.py": CHANGES,
            "ledger/importing.py": CHANGES,
            "ledger/revisions.py": (*CHANGES, "ledger_assessment", "one_commit"),
        },
        12,
    ),
)


@dataclass(frozen=True)
class Mutant:
    """One alteration: where, what it says, and the whole text of the module with it."""

    path: Path
    line: int
    said: str
    text: str
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)


def run(room: Path, *, seed: int) -> list[Row]:
    """Alter the parts of which every figure depends; returns a row for each part."""
    return [_attacked(part, room / part.name.replace(" ", "-"), seed) for part in PARTS]


def _attacked(part: Part, room: Path, seed: int) -> Row:
    with row(f"mutants: {part.name}") as found, _testers(room) as testers:
        found.needed = NEEDED
        every_test = tuple(dict.fromkeys(name for tests in part.tests.values() for name in tests))

        def sound(tester: Program) -> str:
            return _heard(tester, _unaltered(part, every_test), learn=True)

        def noticed(mutant: Mutant) -> bool:
            tester = testers.get()
            try:
                return bool(_heard(tester, mutant))
            finally:
                testers.put(tester)

        chosen = _chosen(part, seed)
        with ThreadPoolExecutor(CORES) as pool:
            if said := "".join(pool.map(sound, list(testers.queue))):
                raise RuntimeError(f"the tests fail without a mutant: {said}")
            for mutant, killed in zip(chosen, pool.map(noticed, chosen), strict=True):
                where = f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.said}"
                found.tried(*([] if killed else [where]))
        found.remark = f"{found.survived / found.tries:.0%} noticed, {NEEDED:.0%} needed"
    return found


@contextmanager
def _testers(room: Path) -> Iterator[queue.Queue[Program]]:
    """Yield as many processes that run tests as there are cores to do it."""
    testers: queue.Queue[Program] = queue.Queue()
    with ExitStack() as all_of_them:
        for number in range(CORES):
            testers.put(all_of_them.enter_context(Program(room / str(number))))
        yield testers


def _heard(tester: Program, mutant: Mutant, *, learn: bool = False) -> str:
    """Run the tests of a mutant's module against it; says how they failed, "" where they passed."""
    text = tester.room / "altered.py"
    text.write_text(mutant.text, encoding="utf-8")
    files = [next((ROOT / "tests").rglob(f"test_{name}.py")) for name in mutant.tests]
    options = ("-x", "-q", "-p", "no:xdist", "-W", REWRITTEN, "--hypothesis-profile=mutants")
    words = (
        "!tests",
        mutant.module,
        mutant.path,
        text,
        *options,
        f"--basetemp={tester.room / 'tmp'}",
        *files,
    )
    ran = tester.learn(*words, but=OURS) if learn else tester.run(*words)
    if ran.status in CANNOT_RUN:
        raise RuntimeError(f"the tests do not run: {ran.err[-300:]}")
    return "" if ran.status == 0 else f"{ran.status}: {(ran.out + ran.err)[-300:]}"


def _chosen(part: Part, seed: int) -> list[Mutant]:
    """Draw mutants by what they say, so that a change elsewhere in a module leaves the others drawn."""
    drawn: list[tuple[bytes, str, int]] = []
    for module in part.tests:
        times: Counter[str] = Counter()
        for n, site in enumerate(_sites(_parsed(ROOT / "riskmap" / module))):
            said = _said(site)
            times[said] += 1
            lot = hashlib.sha256(f"{seed} {module} {said} {times[said]}".encode()).digest()
            drawn.append((lot, module, n))
    chosen = sorted((module, n) for _, module, n in sorted(drawn)[: part.mutants])
    return [_mutant(ROOT / "riskmap" / module, n, part.tests[module]) for module, n in chosen]


def _unaltered(part: Part, tests: tuple[str, ...]) -> Mutant:
    """Return what has to pass: a module as it is, loaded as its mutants are."""
    path = ROOT / "riskmap" / next(iter(part.tests))
    return Mutant(path, 0, "", ast.unparse(_parsed(path)), tests)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _mutant(path: Path, number: int, tests: tuple[str, ...]) -> Mutant:
    tree = _parsed(path)
    site = next(islice(_sites(tree), number, None))
    line, said = _standing(site).lineno, _said(site)
    holder, name, index, new = site
    if index is None:
        setattr(holder, name, new)
    else:
        getattr(holder, name)[index] = new
    return Mutant(path, line, said, ast.unparse(ast.fix_missing_locations(tree)), tests)


def _standing(site: Site) -> ast.AST:
    holder, name, index, _ = site
    held = getattr(holder, name)
    return held if index is None else held[index]


def _said(site: Site) -> str:
    return f"{_short(_standing(site))} → {_short(site[-1])}"


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
