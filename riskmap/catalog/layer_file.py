"""A layer's TOML file → `Layer`, every mistake at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Common, Layer
from riskmap.catalog.layer_checks import check_layer, claims
from riskmap.catalog.plan import plan_problems
from riskmap.catalog.problems import TomlFile, read_text
from riskmap.catalog.trigger_checks import trigger_problems
from riskmap.errors import CatalogError

_COMMON = Path(__file__).with_name("common.toml")


def read_layer(text: str, file: str) -> Layer:
    """Return the layer that a TOML text describes; raise CatalogError with every mistake of it.

    `file` is how the messages call the file.
    """
    source = TomlFile.parse(text, file)
    stated, problems = source.check(Layer)
    problems += [*check_layer(source, common_source()), *plan_problems(source, common_source())]
    layer = None
    if stated is not None:
        owners = {normalise_header(word): target for target, word, _ in claims(source)}
        layer = stated.with_earlier_roles().complete(_common(), owners)
        problems += trigger_problems(layer, source)
    if layer is None or problems:
        raise CatalogError(tuple(sorted(dict.fromkeys(problems), key=lambda p: p.line or 0)))
    return layer


@cache
def common_source() -> TomlFile:
    """Return common.toml as it was parsed."""
    return TomlFile.parse(read_text(_COMMON, _COMMON.name), _COMMON.name)


@cache
def _common() -> Common:
    common, problems = common_source().check(Common)
    if common is None:
        raise CatalogError(tuple(problems))
    return common
