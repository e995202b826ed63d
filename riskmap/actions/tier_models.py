"""Which model made a tier, as the ledger has kept it, and where the adopted model is newer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from riskmap.actions.workspace import Workspace
from riskmap.catalog import ScoringModel
from riskmap.catalog.loader import model_for
from riskmap.catalog.model_file import read_model
from riskmap.catalog.model_text import stated_version
from riskmap.errors import CatalogError
from riskmap.moments import last_moment
from riskmap.values.assessment import Makers, ModelStamp


@dataclass(frozen=True, slots=True)
class Outdated:
    """A layer with tiers that other models (`made`) than the adopted one have made."""

    layer: str
    made: tuple[ModelStamp, ...]
    adopted: ModelStamp


def makers(ws: Workspace, layers: Iterable[str], *, as_of: date | None = None) -> dict[str, Makers]:
    """Return layer → the models that made its tiers, now or as they were on a past day or moment."""
    moment = None if as_of is None else last_moment(as_of)
    return {layer: ws.ledger.makers(layer, as_of=moment) for layer in layers}


def stamps(ws: Workspace, found: Mapping[str, Makers]) -> dict[str, ModelStamp]:
    """Return digest → what is said of a model, for every model among the makers of layers."""
    return {digest: _stamp(ws, layer, digest) for layer, one in found.items() for digest in one.digests}


def stamp_of(model: ScoringModel) -> ModelStamp:
    """Return what is said of a model wherever its tiers stand."""
    return ModelStamp(model.id, model.title, model.version, model.digest, model.status, model.titles)


def adopted_model(ws: Workspace, layer: str) -> ScoringModel | None:
    """Return the model that would score a layer now; None where its file cannot be used."""
    return ws.catalog.model_of(layer) if layer in ws.catalog.scored else None


def adopted_stamp(ws: Workspace, layer: str) -> ModelStamp | None:
    """Return what is said of the model that would score a layer now; None where its file cannot be used."""
    model = adopted_model(ws, layer)
    return None if model is None else stamp_of(model)


def _stamp(ws: Workspace, layer: str, digest: str) -> ModelStamp:
    adopted = adopted_stamp(ws, layer)
    if adopted and digest == adopted.digest:
        return adopted
    text = ws.ledger.model_text(digest) or ""
    try:
        return stamp_of(_read(text, digest))
    except CatalogError:  # written for another version of the program
        title = adopted.title if adopted else ws.catalog.layer(layer).title
        return ModelStamp(ws.catalog.layer(layer).model or layer, title, stated_version(text), digest)


@lru_cache(maxsize=64)
def _read(text: str, digest: str) -> ScoringModel:
    return read_model(text, digest[:12])


def tier_stamp(ws: Workspace, layer: str, feature_id: int, *, as_of: date | None = None) -> ModelStamp | None:
    """Return what is said of the model that made the tier of a record, now or then; None where none has."""
    moment = None if as_of is None else last_moment(as_of)
    digest = ws.ledger.makers(layer, as_of=moment, feature_id=feature_id).of(feature_id)
    return None if digest is None else _stamp(ws, layer, digest)


def kept_model(ws: Workspace, layer: str, digest: str) -> ScoringModel | None:
    """Return a model by its digest; None where its kept text cannot score the layer as its file is now."""
    adopted = adopted_model(ws, layer)
    if adopted and digest == adopted.digest:
        return adopted
    try:
        return model_for(ws.catalog.layer(layer), ws.ledger.model_text(digest) or "", digest[:12])
    except CatalogError:
        return None


def made_by(
    ws: Workspace, layers: Iterable[str], *, as_of: date | None = None
) -> dict[str, tuple[ModelStamp, ...]]:
    """Return layer → what is said of the models that made its tiers, the one of the last whole run first."""
    found = makers(ws, layers, as_of=as_of)
    told = stamps(ws, found)
    return {
        layer: tuple(told[digest] for digest in sorted(one.digests, key=lambda d: (d != one.whole, d)))
        for layer, one in found.items()
    }


def outdated(ws: Workspace, layers: Iterable[str] = ()) -> tuple[Outdated, ...]:
    """Return the layers (of all, or of those named) with tiers that the adopted model has not made."""
    found = []
    for layer, made in made_by(ws, layers or ws.catalog.layers).items():
        adopted = adopted_stamp(ws, layer)
        if adopted and (others := tuple(one for one in made if one.digest != adopted.digest)):
            found.append(Outdated(layer, others, adopted))
    return tuple(found)
