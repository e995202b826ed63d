"""The catalog: every layer and scoring model of a workspace, read once and checked as a whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from riskmap.catalog.layer import Field, Layer, Rollup, named_by
from riskmap.catalog.model import ScoringModel
from riskmap.catalog.problems import TomlFile, closest, no_such, one_of, read_text, shown
from riskmap.catalog.roles import EARLIER, LayerRole
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogError, CatalogProblem, Text, UnknownNameError

_PACKAGE = Path(__file__).parents[1]


_CARD = ".card.toml"  # the card of a trained artefact lies beside the models and is none


_T = TypeVar("_T", Layer, ScoringModel)


Kind = Literal["layers", "models"]


# The id and the role of a file that cannot be parsed; without an id its name stands for it, as in every default.
_ID: Final = re.compile(r"""^id\s*=\s*["']([^"']+)["']""", re.MULTILINE)
_ROLE: Final = re.compile(r"""^role\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """A layer or model file that cannot be used, and every mistake that says why.

    `id` is the layer's or the model's, as far as the file tells. `layer` is set where a sound model asks for
    what one layer does not have, or a layer names a model that is not there: then only that layer goes unscored.
    `role`: the one that a layer's file states, as far as it tells.
    """

    kind: Kind
    id: str
    file: str
    problems: tuple[CatalogProblem, ...]
    layer: str = ""
    role: str | None = None

    def error(self) -> CatalogError:
        """Return the error that lists the mistakes."""
        return CatalogError(self.problems)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All layers and models of a workspace, by id, the layers in the order of their style.

    `digest`: SHA-256, hex, over the layer files' texts; what was made under other layers is not used.
    `faults`: the files that cannot be used; whoever asks for what they hold is told why.
    """

    layers: Mapping[str, Layer]
    models: Mapping[str, ScoringModel]
    digest: str
    faults: tuple[Fault, ...] = ()

    def layer(self, layer_id: str) -> Layer:
        """Return a layer. CatalogError says why its file cannot be used, UnknownNameError names the known ones."""
        if layer_id not in self.layers:
            self._refuse("layers", layer_id)
            raise no_such(Text("图层", "layer"), layer_id, sorted(self.layers))
        return self.layers[layer_id]

    def named_by(self, field: Field) -> tuple[str, ...]:
        """Return the layers of which a field may name records."""
        return named_by(field, self.layers)

    def by_role(self, role: LayerRole) -> Layer | None:
        """Return the layer that has a role, None where no layer has it."""
        return next((layer for layer in self.layers.values() if layer.role == role), None)

    def needed(self, role: LayerRole) -> Layer:
        """Return the layer that has a role.

        CatalogError says why its file cannot be used, UnknownNameError how a layer gets the role.
        """
        layer = self.by_role(role)
        for fault in () if layer else self.faults:
            if fault.role == role:
                raise fault.error()
        if layer is None:
            raise UnknownNameError(
                f'没有角色为 {role} 的图层；请在所用图层的文件 layers/*.toml 中写 role = "{role}"',
                f'no layer has the role {role}; write role = "{role}" into the file layers/*.toml of the one meant',
            )
        return layer

    def title(self, layer_id: str) -> Text:
        """Return what a layer is called; its id where its file is gone or cannot be used."""
        return self.layers[layer_id].title if layer_id in self.layers else Text(layer_id, layer_id)

    def model(self, model_id: str) -> ScoringModel:
        """Return a scoring model. CatalogError and UnknownNameError as for a layer."""
        if model_id not in self.models:
            self._refuse("models", model_id)
            raise no_such(Text("评分模型", "scoring model"), model_id, sorted(self.models))
        return self.models[model_id]

    def model_id(self, layer_id: str) -> str:
        """Return the id of a layer's scoring model; UnknownNameError where the layer is not scored."""
        layer = self.layer(layer_id)
        if layer.model is None:
            raise UnknownNameError(
                f"{layer.title.zh}：这个图层不评分；要评分请在 layers/ 中它的文件里写 model",
                f"{layer.title.en}: this layer is not scored; to score it write model into its file in layers/",
            )
        return layer.model

    def model_of(self, layer_id: str) -> ScoringModel:
        """Return the scoring model of a layer. Raises as `model_id` does; CatalogError says why it cannot score."""
        model_id = self.model_id(layer_id)
        for fault in self.faults:
            if fault.layer == layer_id:
                raise fault.error()
        return self.model(model_id)

    def part_titles(self, layers: Iterable[str]) -> dict[str, Text]:
        """Return part id → title of the models of some layers."""
        models = (self.model_of(layer) for layer in layers if layer in self.scored)
        return {part.id: part.title for model in models for part in model.parts}

    @property
    def to_score(self) -> tuple[str, ...]:
        """The layers that name a scoring model, whether or not it can be used."""
        return tuple(layer.id for layer in self.layers.values() if layer.model is not None)

    @property
    def scored(self) -> tuple[str, ...]:
        """The layers whose model can be used."""
        lost = {fault.layer for fault in self.faults}
        return tuple(
            one for one, layer in self.layers.items() if layer.model in self.models and one not in lost
        )

    @property
    def risks(self) -> tuple[str, ...]:
        """The layers that enter tiers and sums and whose model can be used."""
        return tuple(one for one in self.scored if self.layers[one].counts == "risk")

    def with_model(self, model: ScoringModel) -> Catalog:
        """Return this catalogue with a model, checked already, in the place of what its id stood for."""
        faults = tuple(f for f in self.faults if f.kind != "models" or f.id != model.id)
        return replace(self, models={**self.models, model.id: model}, faults=faults)

    def _refuse(self, kind: Kind, name: str) -> None:
        for fault in self.faults:
            if (fault.kind, fault.id, fault.layer) == (kind, name, ""):
                raise fault.error()


def load_catalog(root: Path) -> Catalog:
    """Read `root/layers/*.toml` and `root/models/*.toml`; what cannot be used is among the faults.

    Raises CatalogError, with every mistake of every file, where no layer is left.
    """
    # What checks the files knows the formulas, and those numpy: only who reads files pays for it.
    from riskmap.catalog.cross_checks import model_faults  # noqa: PLC0415
    from riskmap.catalog.layer_file import common_source, read_layer  # noqa: PLC0415
    from riskmap.catalog.model_file import read_model  # noqa: PLC0415

    layers, layer_files, faults = _read(root, "layers", read_layer)
    models, model_files, more = _read(root, "models", read_model)
    missing = [
        CatalogProblem(str(root / kind), "*.toml", "0", _at_least_one(kind))
        for kind, found in (("layers", (*layers, *faults)), ("models", (*models, *more)))
        if not found
    ]
    faults += [*more, *_roles_twice(layers, layer_files)]
    broken_layers = {fault.id for fault in faults if fault.kind == "layers"}
    faults += _links_astray(layers, layer_files, broken_layers)
    faults += _making_nothing(layers, layer_files, broken_layers)
    faults += _rolled_up(layers, layer_files, broken_layers)
    faults += _near_nothing(layers, layer_files, broken_layers)
    if not layers or missing:
        raise CatalogError((*(p for fault in faults for p in fault.problems), *missing))
    broken = {fault.id for fault in more}
    for layer_id, model_id, problems in model_faults(layers, layer_files, models, model_files, broken):
        faults.append(Fault("models", model_id, problems[0].file, problems, layer_id))
    ordered = dict(sorted(layers.items(), key=lambda item: (item[1].style.order, item[0])))
    return Catalog(ordered, models, _digest((common_source(), *layer_files.values())), tuple(faults))


def model_for(layer: Layer, text: str, file: str) -> ScoringModel:
    """Return the scoring model of a file's text, checked against the layer that it is to score.

    `file` is named in messages. Raises CatalogError with every mistake of the file, or with
    everything that it asks for and the layer does not have.
    """
    from riskmap.catalog.cross_checks import model_problems  # noqa: PLC0415 - as in load_catalog
    from riskmap.catalog.model_file import read_model  # noqa: PLC0415

    model = read_model(text, file)
    problems = list(model_problems(layer, model, TomlFile.parse(text.replace("\r\n", "\n"), file)))
    if problems:
        raise CatalogError(tuple(dict.fromkeys(problems)))
    return model


def defaults_dir() -> Path:
    """Return the directory whose `layers/` and `models/` are riskmap's own defaults."""
    installed = _PACKAGE / "defaults"
    return installed if (installed / "layers").is_dir() else _PACKAGE.parent


def _read(
    root: Path, kind: Kind, read: Callable[[str, str], _T]
) -> tuple[dict[str, _T], dict[str, TomlFile], list[Fault]]:
    found: dict[str, _T] = {}
    files: dict[str, TomlFile] = {}
    faults: list[Fault] = []
    for path in sorted((root / kind).glob("*.toml")):
        if path.name.endswith(_CARD):
            continue
        name, text = f"{kind}/{path.name}", ""
        try:
            text = read_text(path, name)
            value = read(text, name)
        except CatalogError as error:
            name_of = stated[1] if (stated := _ID.search(text)) else path.stem
            faults.append(Fault(kind, name_of, name, error.problems, role=_role(name_of, text)))
            continue
        source = TomlFile.parse(text, name)
        if value.id in found:
            other = files[value.id].file
            expected = Text(f"没有用过的标识（{other} 已用）", f"an id not used before ({other} has it)")
            problem = source.problem(("id",), expected, found=shown(value.id))
            faults.append(Fault(kind, value.id, name, (problem,)))
            continue
        found[value.id], files[value.id] = value, source
    return found, files, faults


def _role(layer_id: str, text: str) -> str | None:
    if stated := _ROLE.search(text):
        return stated[1]
    return EARLIER[layer_id].role if layer_id in EARLIER else None


def _at_least_one(kind: str) -> Text:
    return Text(f"至少一个文件 {kind}/*.toml", f"at least one file {kind}/*.toml")


def _roles_twice(layers: dict[str, Layer], files: Mapping[str, TomlFile]) -> list[Fault]:
    """Take out every layer whose role an earlier file has, and say so."""
    owners: dict[LayerRole, str] = {}
    faults: list[Fault] = []
    for layer in tuple(layers.values()):
        if layer.role is None or (owner := owners.setdefault(layer.role, layer.id)) == layer.id:
            continue
        source, other = files[layer.id], files[owner].file
        expected = Text(
            f"没有用过的角色（{other} 已用）；一个角色只属于一个图层",
            f"a role not used before ({other} has it): one layer has it",
        )
        problem = source.problem(("role",), expected, found=shown(layer.role))
        faults.append(Fault("layers", layer.id, source.file, (problem,)))
        del layers[layer.id]
    return faults


def _links_astray(
    layers: dict[str, Layer], files: Mapping[str, TomlFile], broken: Collection[str]
) -> list[Fault]:
    """Take out every layer that names records of a layer that there is not, or hangs on itself over others.

    One whose file is `broken` is there: until it is mended nothing can be named in it.
    """
    known = {*layers, *broken}
    faults: list[Fault] = []
    for layer in tuple(layers.values()):
        problems = [
            *_unknown_targets(layer, files[layer.id], known),
            *_circle(layer, layers, files[layer.id]),
        ]
        if problems:
            faults.append(Fault("layers", layer.id, files[layer.id].file, tuple(problems), role=layer.role))
    for fault in faults:
        del layers[fault.id]
    return faults


def _unknown_targets(layer: Layer, source: TomlFile, known: Collection[str]) -> Iterator[CatalogProblem]:
    expected = Text("有图层文件的标识", "the id of a layer file")
    stated = {str(one.get("id")): path for path, one in source.tables("fields")}
    for field in layer.links:
        for i, target in enumerate(field.of if isinstance(field.of, tuple) else ()):
            if target not in known:
                path = (*stated[field.id], "of", i) if field.id in stated else ("belongs_to", "layer")
                yield source.problem(path, expected, found=shown(target), hint=closest(target, known))


def _circle(layer: Layer, layers: Mapping[str, Layer], source: TomlFile) -> Iterator[CatalogProblem]:
    passed = [layer.id]
    one: Layer | None = layer
    while one is not None and one.belongs_to is not None and one.belongs_to.layer not in passed[1:]:
        passed.append(one.belongs_to.layer)
        one = layers.get(one.belongs_to.layer)
        if passed[-1] == layer.id:
            chain = " → ".join(passed)
            expected = Text(
                f"不回到自身的上级（现为 {chain}）", f"a parent that does not lead back ({chain} now)"
            )
            yield source.problem(("belongs_to", "layer"), expected)
            return


def _making_nothing(
    layers: dict[str, Layer], files: Mapping[str, TomlFile], broken: Collection[str]
) -> list[Fault]:
    """Take out every layer whose `makes` ask for what there is not.

    What is made in a layer whose file is `broken` waits until that is mended.
    """
    faults: list[Fault] = []
    for layer in layers.values():
        problems = [
            problem
            for i, making in enumerate(layer.makes)
            if making.layer not in broken
            for problem in _making_problems(layer, i, layers, files[layer.id])
        ]
        if problems:
            faults.append(Fault("layers", layer.id, files[layer.id].file, tuple(problems), role=layer.role))
    for fault in faults:
        del layers[fault.id]
    return faults


def _making_problems(
    layer: Layer, at: int, layers: Mapping[str, Layer], source: TomlFile
) -> Iterator[CatalogProblem]:
    making, path = layer.makes[at], ("makes", at)
    if making.id in {one.id for one in layer.makes[:at]}:
        yield source.problem((*path, "id"), Text("没有用过的标识", "an id not used before"), found=making.id)
    target = layers.get(making.layer)
    if target is None:
        expected, hint = Text("有图层文件的标识", "the id of a layer file"), closest(making.layer, layers)
        yield source.problem((*path, "layer"), expected, found=shown(making.layer), hint=hint)
        return
    naming = [field.id for field in target.links if layer.id in named_by(field, layers)]
    if making.field not in naming:
        yield source.problem((*path, "field"), one_of(naming or ["—"]), found=shown(making.field))
    kept = () if target.flow is None else target.flow.kept
    into = ["name", "subdistrict", "position", *(f.id for f in target.stated_fields if f.id not in kept)]
    taken = ["code", "name", "subdistrict", "position", *layer.field_ids]
    for name, own in making.copy_.items():
        if name not in into:
            hint = closest(name, into)
            yield source.problem((*path, "copy", name), one_of(into), found=shown(name), hint=hint)
        if own not in taken:
            hint = closest(own, taken)
            yield source.problem((*path, "copy", name), one_of(taken), found=shown(own), hint=hint)


def _rolled_up(
    layers: dict[str, Layer], files: Mapping[str, TomlFile], broken: Collection[str]
) -> list[Fault]:
    """Give every layer the fields of its rollups, and take out those whose rollups ask for what there is not.

    Of a layer whose file is `broken` nothing is known until it is mended: the field is there and empty.
    """
    faults: list[Fault] = []
    done: dict[str, Layer] = {}
    for layer in layers.values():
        problems: list[CatalogProblem] = []
        made: list[Field] = []
        for i, rollup in enumerate(layer.rollups):
            child = layers.get(rollup.of)
            if child is None and rollup.of in broken:
                made.append(rollup.as_field(None))
                continue
            found = list(_rollup_problems(layer, i, layers, files[layer.id]))
            problems += found
            if not found and child is not None:
                made.append(rollup.as_field(child.field(rollup.source) if rollup.source else None))
        if problems:
            faults.append(Fault("layers", layer.id, files[layer.id].file, tuple(problems), role=layer.role))
        elif made:
            done[layer.id] = layer.model_copy(update={"fields": (*layer.fields, *made)})
    layers.update(done)
    for fault in faults:
        del layers[fault.id]
    return faults


def _rollup_problems(
    layer: Layer, at: int, layers: Mapping[str, Layer], source: TomlFile
) -> Iterator[CatalogProblem]:
    rollup, path = layer.rollups[at], ("rollups", at)
    child = layers.get(rollup.of)
    if child is None:
        expected = Text("有图层文件的标识", "the id of a layer file")
        yield source.problem((*path, "of"), expected, found=shown(rollup.of), hint=closest(rollup.of, layers))
        return
    naming = [field.id for field in child.links if layer.id in named_by(field, layers)]
    balance = bool(rollup.plus or rollup.minus)
    if balance == bool(rollup.by) or (rollup.by and rollup.by not in naming):
        expected = Text("不写（plus、minus 各写自己的）", "nothing: plus and minus state their own")
        yield source.problem(
            (*path, "by"), expected if balance else one_of(naming or ["—"]), found=shown(rollup.by)
        )
    ways = [rollup.count, bool(rollup.sum), bool(rollup.min), bool(rollup.max), balance]
    if sum(ways) != 1:
        words = Text(
            "count、sum、min、max、plus 和 minus 之一", "one of count, sum, min, max, plus and minus"
        )
        yield source.problem(path, words, found=str(sum(ways)))
    numbers = [f.id for f in child.stated_fields if f.type in {"integer", "number"}]
    ordered = [*numbers, *(f.id for f in child.stated_fields if f.type in {"date", "moment"})]
    for key, fitting in (("sum", numbers), ("min", ordered), ("max", ordered)):
        if (name := getattr(rollup, key)) and name not in fitting:
            yield source.problem((*path, key), one_of(fitting or ["—"]), found=shown(name))
    for key, term in (("plus", rollup.plus), ("minus", rollup.minus)):
        for part, name, fitting in (("by", term.by, naming), ("sum", term.sum, numbers)) if term else ():
            if name not in fitting:
                yield source.problem((*path, key, part), one_of(fitting or ["—"]), found=shown(name))
    yield from _start_problems(layer, rollup, path, child, source)
    known = [f.id for f in child.stated_fields]
    for j, condition in enumerate(rollup.where):
        if condition.field not in known:
            hint = closest(condition.field, known)
            yield source.problem((*path, "where", j), one_of(known), found=shown(condition.field), hint=hint)
    if rollup.id in layer.field_ids:
        yield source.problem((*path, "id"), Text("没有用过的标识", "an id not used before"), found=rollup.id)


def _start_problems(
    layer: Layer, rollup: Rollup, path: KeyPath, child: Layer, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Yield what is wrong in what a balance begins with, and since when it adds up."""
    own = {field.id: field.type for field in layer.stated_fields}
    kinds = {"start": ("integer", "number"), "since": ("date", "moment")}
    for key, types in kinds.items():
        fitting = [name for name, kind in own.items() if kind in types]
        name = rollup.start if key == "start" else rollup.since
        if name and not (rollup.plus or rollup.minus):
            yield source.problem(
                (*path, key), Text("plus 或 minus 才有", "it only beside plus or minus"), found=shown(name)
            )
        elif name and name not in fitting:
            yield source.problem(
                (*path, key), one_of(fitting or ["—"]), found=shown(name), hint=closest(name, fitting)
            )
    if rollup.since and not child.moment:
        expected = Text(f"图层 {child.id} 写明 moment", f"a moment stated by layer {child.id}")
        yield source.problem((*path, "since"), expected)


def _near_nothing(
    layers: dict[str, Layer], files: Mapping[str, TomlFile], broken: Collection[str]
) -> list[Fault]:
    """Take out every layer that looks for what is closest in a layer, by its id, that is not there or lacks a field.

    What is looked for by role may be missing: a workspace without stock has no closest pump.
    """
    faults: list[Fault] = []
    for layer in layers.values():
        problems: list[CatalogProblem] = []
        for i, one in enumerate(layer.nearest):
            for j, target in enumerate(one.of if isinstance(one.of, tuple) else ()):
                path = ("nearest", i)
                if target not in layers and target not in broken:
                    expected, hint = (
                        Text("有图层文件的标识", "the id of a layer file"),
                        closest(target, layers),
                    )
                    problems.append(
                        files[layer.id].problem((*path, "of", j), expected, found=shown(target), hint=hint)
                    )
                    continue
                known = layers[target].field_ids if target in layers else ()
                asked = [*(condition.field for condition in one.where), *([one.show] if one.show else [])]
                problems += [
                    files[layer.id].problem(path, one_of(known), found=shown(name), hint=closest(name, known))
                    for name in asked
                    if known and name not in known
                ]
        if problems:
            faults.append(Fault("layers", layer.id, files[layer.id].file, tuple(problems), role=layer.role))
    for fault in faults:
        del layers[fault.id]
    return faults


def _digest(files: Iterable[TomlFile]) -> str:
    texts = sorted(file.text.replace("\r\n", "\n") for file in files)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
