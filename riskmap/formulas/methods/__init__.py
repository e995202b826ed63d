"""Ways of combining nodes into one number: a module here that states `METHODS` adds to what a model may name.

NaN means unknown everywhere and travels upwards: what depends on an unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from riskmap.errors import Text
from riskmap.registries import members

if TYPE_CHECKING:  # who reads a catalogue needs no numpy
    from riskmap.array_types import Bools, Floats

Key = Literal["scale", "norm", "matrix", "exponent"]


class MethodNode(Protocol):
    """What a method may read of the combination that names it."""

    of: Sequence[str]
    weights: Sequence[float]
    known_only: bool
    scale: Sequence[float] | None
    norm: str | None
    matrix: Sequence[Sequence[float]]
    exponent: float | None
    formula: str | None
    inputs: Mapping[str, str]
    constants: Mapping[str, float]


class Fitted(NamedTuple):
    """What `Method.fit` takes from the parts of a whole layer: per part a divisor and both ends."""

    scale: tuple[float, ...] = ()
    least: tuple[float, ...] = ()
    most: tuple[float, ...] = ()


Combine = Callable[
    [Any, "Sequence[Floats]", Sequence[float], Any], "Floats"
]  # Node, parts, weights, Fitted or None


Refuses = Callable[[Any, "Sequence[Floats]"], "Sequence[Bools | None]"]  # None: nowhere


def _rises(_node: MethodNode, _place: int) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Method:
    """One way of combining nodes.

    `combine` takes the node, the values of its parts (broadcastable float64), their weights and what `fit`
    took, and gives the value. `weights`: "shared" sum to 1, "free" are any numbers (1 where none are stated),
    None where the method has no use for them. `known_only`: can do with the parts that are known, where a file
    says so; `of_the_known`: always does. `refuses`: which of the parts (values in the order of `of`) it has no value
    for though they are known. `keys`: the
    keys of a combination that are stated with this method and without one are a mistake. `parts_at_least`: as
    many nodes. `additive`: without steps it is Σ weight·part. `fit` takes the node and the complete rows,
    rows × parts, each column sorted. `polarity`: the
    direction in which part number n moves the value, +1, −1, or 0 for nobody can say.
    """

    id: str
    title: Text
    combine: Combine
    weights: Literal["shared", "free"] | None = None
    known_only: bool = False
    of_the_known: bool = False
    refuses: Refuses | None = None
    keys: tuple[Key, ...] = ()
    parts_at_least: int = 1
    additive: bool = False
    fit: Callable[[Any, Floats], Fitted] | None = None
    polarity: Callable[[Any, int], int] = _rises


@cache
def methods() -> dict[str, Method]:
    """Return every method by its id, as models name it."""
    return {one.id: one for _, some in members(__name__, "METHODS") for one in some}


def named(which: Callable[[Method], object]) -> str:
    """Return the ids of the methods that `which` is true of, as a message lists them."""
    return ", ".join(one.id for one in methods().values() if which(one))
