"""One assessment of a layer from the assessments of its slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskmap.assess.patterns import joined_patterns
from riskmap.records import Assessment


def joined(parts: Sequence[Assessment]) -> Assessment:
    """Return the assessment of all rows of the parts, in their order.

    As if the rows had been scored at once: the kernel looks at one row at a time, what it compares
    with is in the fit. ValueError for no parts, and for parts of different layers or models.
    """
    if len({(part.layer, part.model, part.digest) for part in parts}) != 1:
        named = ", ".join(sorted({f"{part.layer}/{part.model}/{part.digest[:12]}" for part in parts}))
        raise ValueError(f"parts of one layer by one model are joined, not of {named or 'nothing'}")
    first = parts[0]
    return Assessment(
        layer=first.layer,
        model=first.model,
        digest=first.digest,
        score=np.concatenate([part.score for part in parts]),
        rank=np.concatenate([part.rank for part in parts]),
        missing=joined_patterns([part.missing for part in parts]),
        rules=joined_patterns([part.rules for part in parts]),
    )
