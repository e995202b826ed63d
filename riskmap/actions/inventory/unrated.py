"""Whether the unrated records are the usual ones, or somebody has to look: what stands beside every sum.

Forty-eight points that lack a factor, and have lacked it since the last assessment, are a line to be read
calmly. An alarm that is always on would hide the one that matters: a sum that disagrees, a tier that was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.rules.arrays import numbers_of
from riskmap.selection import Selection, Snapshot
from riskmap.selection.views import row_mask, view_of
from riskmap.texts import t
from riskmap.values.inventory import unexplained
from riskmap.vocabulary import UNRATED

_NAMED: Final = 20  # codes that a sentence holds


def newly_unrated(ws: Workspace, snapshot: Snapshot, selection: Selection | None = None) -> list[str]:
    """Return the codes of the (selected) records that became unrated at or after their layer's last assessment.

    Those that the very first assessment of a layer left unrated are usual; all are new where there was none.
    Raises SelectionError for a selection that cannot be resolved.
    """
    rows = _new_rows(ws, snapshot)
    if selection is not None and len(rows):
        rows = rows[row_mask(snapshot, view_of(snapshot, selection))[rows]]
    return [_code(snapshot, int(row)) for row in rows]


def disagreeing(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the differences of a summary (`reconcile`) that its unrated records do not account for."""
    return unexplained(document["differences"])


def unrated_text(new: Sequence[str], *, total: int, unrated: int, lang: Lang) -> str:
    """Return the sentence about the unrated of some records: calm where `new` is empty, else which are new."""
    sums = {"rated": f"{total - unrated:,}", "unrated": f"{unrated:,}", "total": f"{total:,}"}
    if not new:
        return t("unrated_usual", lang, **sums)
    codes = t("export_list_separator", lang).join(new[:_NAMED]) + ("…" if len(new) > _NAMED else "")
    return t("unrated_new", lang, n=f"{len(new):,}", codes=codes, **sums)


@lru_cache(maxsize=4)
def _new_rows(ws: Workspace, snapshot: Snapshot) -> NDArray[np.int64]:
    """Return the rows of a snapshot that are newly unrated; asked once per snapshot, there may be many."""
    found = [np.zeros(0, np.int64)]
    for layer, start in zip(snapshot.layers, snapshot.starts, strict=False):
        table = snapshot.table(layer)
        rows = np.flatnonzero(numbers_of(table["rank"]) == UNRATED)
        if len(rows):
            ids = numbers_of(table["feature_id"])[rows]
            found.append(rows[ws.ledger.newly_unrated(layer, ids, at=snapshot.state)] + start)
    return np.concatenate(found)


def _code(snapshot: Snapshot, row: int) -> str:
    layer, index = snapshot.where_is(row)
    return snapshot.table(layer)["code"][index].as_py()
