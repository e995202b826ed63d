"""What must hold of direct rules, gates and measures.

Of direct rules and gates: their conditions compare, and a gate needs evidence.

What must hold of the `[[measures]]` of a model file, and of the fields of the layer that they read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from riskmap.catalog.layer import Layer
from riskmap.catalog.model import Condition, Indicator, ScoringModel, table_key
from riskmap.catalog.model_direction import polarities
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text

_ORDERED = frozenset({"<", "<=", ">", ">="})


_MOST = 60  # what fired travels as the bits of one integer


def decision_problems(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return what is wrong with the rules and gates of a file."""
    seen: set[str] = set()
    for kind, decisions in (("rules", model.rules), ("gates", model.gates)):
        for i, one in enumerate(decisions):
            if one.id in seen:
                expected = Text("不重复的规则标识", "a rule id used only once")
                yield source.problem((kind, i, "id"), expected)
            seen.add(one.id)
            for j, condition in enumerate(one.when):
                yield from condition_problems(condition, (kind, i, "when", j), source)
    if len(seen) > _MOST:
        most = Text(f"最多 {_MOST} 条规则和闸", f"at most {_MOST} rules and gates")
        yield source.problem(("rules",), most, found=str(len(seen)))
    ids = [node.id for node in model.nodes if "." not in node.id]
    for i, gate in enumerate(model.gates):
        for j, condition in enumerate(gate.when):
            here = ("gates", i, "when", j)
            if bool(condition.field) == bool(condition.node):
                expected = Text("field 和 node 恰好写一个", "exactly one of field, node")
                yield source.problem(here, expected)
            if condition.node and condition.node not in ids:
                yield source.problem((*here, "node"), one_of(ids), hint=closest(condition.node, ids))
            if condition.op == "missing":
                expected = Text(
                    "有依据的条件：缺失的值不能使等级降低", "evidence: a missing value never lowers a tier"
                )
                yield source.problem((*here, "op"), expected)


def condition_problems(condition: Condition, here: KeyPath, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in the value of a condition."""
    expected = _value_expected(condition)
    if expected is not None:
        yield source.problem(here, expected, found=shown(condition.value))


def _value_expected(condition: Condition) -> Text | None:
    """Return what the value of a condition must be for its operator, None where it is right."""
    op, value = condition.op, condition.value
    if op in {"present", "missing"}:
        return None if value is None else Text("不写 value", "no value")
    if op == "in":
        return None if isinstance(value, tuple) and value else Text("value 为列表", "value as a list")
    if value is None or isinstance(value, tuple):
        return Text("value 为一个值", "one value")
    if op in _ORDERED and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return Text("value 为数字", "value as a number")
    return None


def gate_directions(model: ScoringModel, source: TomlFile) -> Iterable[CatalogProblem]:
    """Return gates that would let a worse factor lower a tier: they close on the worse side."""
    signs = polarities(model)
    for i, gate in enumerate(model.gates):
        for j, condition in enumerate(gate.when):
            allowed = _allowed(model, condition, signs.get(condition.node, set()))
            if allowed is not None and condition.op not in allowed:
                expected = Text(
                    f"{'、'.join(allowed)} 之一：闸只在较有利的一侧成立",
                    f"one of {', '.join(allowed)}: a gate holds on the better side only",
                )
                yield source.problem(("gates", i, "when", j, "op"), expected)
            elif allowed is None and condition.field:
                yield from _choices(model, condition, source, (i, j))


def _allowed(model: ScoringModel, condition: Condition, signs: set[int]) -> Sequence[str] | None:
    """Return the operators that a condition may have, None where no order is known."""
    if condition.node:
        return (">", ">=") if signs == {-1} else ("<", "<=")
    leaf = _leaf(model, condition)
    if leaf is None or leaf.table is not None or "." in leaf.id:
        return None
    return ("<", "<=") if leaf.worse == "higher" else (">", ">=")


def _leaf(model: ScoringModel, condition: Condition) -> Indicator | None:
    return next((leaf for leaf in model.indicators if leaf.field == condition.field), None)


def _choices(
    model: ScoringModel, condition: Condition, source: TomlFile, place: tuple[int, int]
) -> Iterable[CatalogProblem]:
    """Check that no choice outside the gate is better than one inside it."""
    leaf = _leaf(model, condition)
    if leaf is None or leaf.table is None or condition.op not in {"==", "!=", "in"}:
        return
    value = condition.value
    stated = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    words = {table_key(v) for v in stated}
    inside = {k for k in leaf.table if (k in words) != (condition.op == "!=")}
    signs = polarities(model)[leaf.id]
    sign = -1 if signs == {-1} else 1
    worst = max((sign * leaf.table[k] for k in inside), default=None)
    left = sorted(
        k for k in leaf.table if k not in inside and worst is not None and sign * leaf.table[k] < worst
    )
    if left:
        expected = Text(
            f"也包括较有利的选项 {'、'.join(left)}", f"the better choices {', '.join(left)} as well"
        )
        yield source.problem(("gates", place[0], "when", place[1], "value"), expected)


_PAIR = 2


def measure_problems(model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in the measures without knowing the layer."""
    ids = [measure.id for measure in model.measures]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        if ids.index(measure.id) != i:
            yield source.problem((*place, "id"), Text("不重复的措施标识", "a measure id used only once"))
        if (measure.valid_days is None) == (measure.expires is None):
            found = "—" if measure.expires is None else "valid_days + expires"
            expected = Text("valid_days 或 expires，恰好一项", "exactly one of valid_days and expires")
            yield source.problem((*place, "valid_days"), expected, found=found)
        stated = sorted(measure.effect.model_fields_set)
        if len(stated) != 1:
            expected = Text("factor 或 tiers，恰好一项", "exactly one of factor and tiers")
            yield source.problem((*place, "effect"), expected, found=" + ".join(stated) or "{ }")
        if measure.rules and not measure.effect.tiers:
            expected = Text(
                "tiers：直接判定的等级没有分值，factor 对它不起作用",
                "tiers: a tier that a rule set has no score for a factor to act on",
            )
            yield source.problem((*place, "rules"), expected)
        for j, condition in enumerate(measure.when):
            yield from condition_problems(condition, (*place, "when", j), source)
        for j, pair in enumerate(measure.exceeds):
            if len(pair) != _PAIR:
                expected = Text('一对字段 ["大的", "小的"]', 'a pair of fields ["greater", "smaller"]')
                yield source.problem((*place, "exceeds", j), expected)


def measures_against_layer(layer: Layer, model: ScoringModel, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return the dates and numbers of measures that the layer does not have."""
    dates = [f.id for f in layer.fields if f.type == "date"]
    numbers = [f.id for f in layer.fields if f.type in {"integer", "number"}]
    for i, measure in enumerate(model.measures):
        place = ("measures", i)
        for key, name in (("verified", measure.verified), ("expires", measure.expires)):
            if name is not None and name not in dates:
                expected = Text(f"图层 {layer.id} 的日期字段", f"a date field of layer {layer.id}")
                yield source.problem((*place, key), expected, found=shown(name), hint=closest(name, dates))
        for j, pair in enumerate(measure.exceeds):
            for k, name in enumerate(pair):
                if name not in numbers:
                    expected = Text(f"图层 {layer.id} 的数字字段", f"a number field of layer {layer.id}")
                    near = closest(name, numbers)
                    yield source.problem((*place, "exceeds", j, k), expected, found=shown(name), hint=near)
