"""Results of scoring: only what changed is stored, with the model it came from and the cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.errors import LedgerError
from riskmap.ledger import schema as s
from riskmap.ledger.fits import digest_of, keep_fit
from riskmap.ledger.model_versions import keep_model
from riskmap.ledger.revisions import open_changeset
from riskmap.ledger.runs import last_run
from riskmap.ledger.store import (
    Store,
    insert_rows,
    json_list,
    next_id,
    no_cycles,
    read_chunks,
    update_rows,
)
from riskmap.records import UNRATED, Assessment, Features

_FEW = 2000  # records that are looked up one by one rather than by reading their layer


@dataclass(frozen=True, slots=True)
class RunResult:
    """What saving a layer's assessment did. `skipped` records had changed since they were scored.

    `run` and `changeset` are None where nothing changed and so nothing was written.
    """

    run: int | None
    changeset: int | None
    assessed: int
    unrated: int
    changed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Results:
    """Assessments in the order of the feature ids asked for; unrated where there is none."""

    rank: NDArray[np.uint8]
    score: NDArray[np.float64]
    missing: list[tuple[str, ...]]
    rules: list[tuple[str, ...]]
    known: NDArray[np.bool_]
    since: NDArray[np.int64]  # the changeset of the assessment, 0 where there is none


@lru_cache(maxsize=8192)
def _read_names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


@lru_cache(maxsize=8192)
def _write_names(names: tuple[str, ...]) -> str | None:
    return orjson.dumps(names).decode() if names else None


def read_results(connection: sa.Connection, feature_ids: Sequence[int], *, at: int | None = None) -> Results:
    """Read the assessments of records, now or as they were after changeset `at`."""
    count = len(feature_ids)
    rank = np.full(count, UNRATED, dtype=np.uint8)
    score = np.full(count, np.nan)
    found = np.zeros(count, dtype=bool)
    missing: list[tuple[str, ...]] = [()] * count
    rules: list[tuple[str, ...]] = [()] * count
    since = np.zeros(count, dtype=np.int64)
    if count == 0:
        return Results(rank, score, missing, rules, found, since)
    ids = np.asarray(feature_ids, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    t = s.assessment
    query = sa.select(t.c.feature_id, t.c.rank, t.c.score, t.c.missing, t.c.rules, t.c.valid_from)
    if count <= _FEW:
        query = query.where(t.c.feature_id.in_(json_list(ordered.tolist())))
    else:
        # The ids of a layer lie close together; what lies between them is dropped below.
        query = query.where(t.c.feature_id.between(int(ordered[0]), int(ordered[-1])))
    if at is None:
        query = query.where(t.c.valid_to.is_(None))
    else:
        query = query.where(t.c.valid_from <= at, sa.or_(t.c.valid_to.is_(None), t.c.valid_to > at))
    for rows in read_chunks(connection, query):
        fids, ranks, scores, lacking, fired, sets = zip(*rows, strict=True)
        theirs = np.array(fids, dtype=np.int64)
        place = np.searchsorted(ordered, theirs)
        place[place == count] = 0
        ours = ordered[place] == theirs
        where = order[place[ours]]
        rank[where] = np.array(ranks, dtype=np.uint8)[ours]
        score[where] = np.array(scores, dtype=np.float64)[ours]
        found[where] = True
        since[where] = np.array(sets, dtype=np.int64)[ours]
        targets = np.full(len(theirs), -1, dtype=np.int64)
        targets[ours] = where
        for texts, into in ((lacking, missing), (fired, rules)):
            for k in (k for k, text in enumerate(texts) if text is not None):
                if targets[k] >= 0:
                    into[targets[k]] = _read_names(texts[k])
    return Results(rank, score, missing, rules, found, since)


@dataclass(frozen=True, slots=True)
class Scored:
    """A layer's results, the records that they were made from, the text of the model, and of its fit
    where it compares with the whole layer.
    """

    assessment: Assessment
    features: Features
    model_text: str
    fit: str | None = None

    @property
    def fit_digest(self) -> str | None:
        """Name of the fit."""
        return digest_of(self.fit)


@dataclass(frozen=True, slots=True)
class _News:
    """What a layer's results would change: `where` differ, `fresh` were made from what is current."""

    scored: Scored
    before: Results
    fresh: NDArray[np.bool_]
    changed_in: NDArray[np.int64]
    where: NDArray[np.intp]
    whole: bool
    last: Any
    nothing: bool


def save_assessments(store: Store, scored: Sequence[Scored], *, by: str, why: str) -> list[RunResult]:
    """Store what changed in any of the layers, as one run in one changeset; nothing, where nothing did.

    A result is kept only for the very version of a record it was made from.
    """
    for one in scored:
        _check_lengths(one)
    with no_cycles(), store.writing() as connection:
        found = [_news(connection, one) for one in scored]
        run, changeset = None, None
        if not all(news.nothing for news in found):
            counts = {
                "assessed": sum(len(news.fresh) for news in found),
                "unrated": sum(_unrated(news) for news in found),
                "changed": sum(len(news.where) for news in found),
            }
            changeset = open_changeset(connection, store, by=by, why=why, kind="assess", counts=counts)
            run = next_id(connection, s.assessment_run)
            connection.execute(s.assessment_run.insert().values(id=run, changeset_id=changeset))
            for news in found:
                _keep(connection, news, run, changeset)
    return [
        RunResult(
            *(run, changeset, len(news.fresh), _unrated(news), len(news.where)),
            int(np.count_nonzero(~news.fresh)),
        )
        for news in found
    ]


def _check_lengths(scored: Scored) -> None:
    assessment, count = scored.assessment, len(scored.features)
    if not (
        len(assessment.score)
        == len(assessment.rank)
        == len(assessment.missing)
        == len(assessment.rules)
        == count
    ):
        raise LedgerError(
            f"{assessment.layer}：评估结果 {len(assessment.score)} 条，记录 {count} 条，对不上，未写入；请重新评估",
            f"{assessment.layer}: {len(assessment.score)} results for {count} records, nothing was written; assess again",
        )


def _unrated(news: _News) -> int:
    return int(np.count_nonzero(np.asarray(news.scored.assessment.rank) == UNRATED))


def _news(connection: sa.Connection, scored: Scored) -> _News:
    assessment, features = scored.assessment, scored.features
    last = last_run(connection, assessment.layer)
    version, changed_in = _current(connection, assessment.layer, features.feature_id)
    fresh = version == features.version
    before = read_results(connection, features.feature_id.tolist())
    where = np.flatnonzero(fresh & _differs(before, assessment))
    whole = _is_whole(connection, assessment.layer, len(features))
    # A whole run is noted without a change, too, where it tells something: that data or model are
    # new and changed nothing. The next run's causes are told from it.
    told = (
        last is not None
        and last.digest == assessment.digest
        and last.fit == scored.fit_digest
        and bool((changed_in <= last.base).all())
    )
    nothing = not len(where) and bool(fresh.all()) and (told or not whole or not len(features))
    return _News(scored, before, fresh, changed_in, where, whole, last, nothing)


def _keep(connection: sa.Connection, news: _News, run: int, changeset: int) -> None:
    assessment, features = news.scored.assessment, news.scored.features
    keep_model(connection, assessment.model, assessment.digest, news.scored.model_text)
    # A record that moved on while it was scored counts as new data for the next run.
    base = changeset if bool(news.fresh.all()) else int(news.changed_in[~news.fresh].min()) - 1
    connection.execute(
        s.run_layer.insert().values(
            changeset_id=changeset,
            run_id=run,
            layer=assessment.layer,
            model=assessment.model,
            digest=assessment.digest,
            base=base,
            whole=int(news.whole),
            assessed=len(features),
            unrated=_unrated(news),
            changed=len(news.where),
            fit=keep_fit(connection, news.scored.fit),
        )
    )
    causes = _causes(connection, news)
    _write(connection, (assessment, features), news.where, causes, (run, changeset), known=news.before.known)


def _is_whole(connection: sa.Connection, layer: str, count: int) -> bool:
    """Return whether so many records are all active ones of a layer; looks at no more than these."""
    t = s.feature
    one_more = sa.select(t.c.id).where(t.c.layer == layer, t.c.retired == 0).limit(1).offset(count)
    return connection.execute(one_more).scalar() is None


def _current(
    connection: sa.Connection, layer: str, feature_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the current version and last changeset of records, -1 where a record is unknown."""
    t = s.feature
    query = sa.select(t.c.id, t.c.version, t.c.changed)
    # Asked for both, SQLite would walk through the whole layer.
    query = query.where(
        t.c.id.in_(json_list(feature_ids.tolist())) if len(feature_ids) <= _FEW else t.c.layer == layer
    )
    # Columns first: numpy would feel every row object for an array inside.
    parts = [
        [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
        for rows in read_chunks(connection, query)
    ]
    if not parts:
        return np.full(len(feature_ids), -1, dtype=np.int64), np.full(len(feature_ids), -1, dtype=np.int64)
    ids, versions, changed = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ids)
    place = np.searchsorted(ids[order], feature_ids)
    place[place == len(ids)] = 0
    place = order[place]
    found = ids[place] == feature_ids
    return np.where(found, versions[place], -1), np.where(found, changed[place], -1)


def _differs(before: Results, now: Assessment) -> NDArray[np.bool_]:
    rank, score = np.asarray(now.rank), np.asarray(now.score, dtype=np.float64)
    close = np.isclose(before.score, score, rtol=1e-12, atol=0.0, equal_nan=True)
    names = np.fromiter(
        (
            a != tuple(c) or b != tuple(d)
            for a, b, c, d in zip(before.missing, before.rules, now.missing, now.rules, strict=True)
        ),
        dtype=bool,
        count=len(rank),
    )
    return ~before.known | (before.rank != rank) | ~close | names


def _causes(connection: sa.Connection, news: _News) -> NDArray[np.str_]:
    """Return why each result may differ from the one before: new, data, model or both."""
    before, last, assessment = news.before, news.last, news.scored.assessment
    last_set, base = (0, 0) if last is None else (last.changeset_id, last.base)
    # A record scored by itself after the last whole run is compared with that scoring.
    alone = before.since > last_set
    data = news.changed_in > np.where(alone, before.since, base)
    model = np.full(len(data), last is not None and last.digest != assessment.digest)
    t = s.run_layer
    for number in np.unique(before.since[alone]).tolist():
        theirs = connection.execute(
            sa.select(t.c.digest).where(t.c.changeset_id == number, t.c.layer == assessment.layer)
        ).scalar()
        model[before.since == number] = theirs != assessment.digest
    refitted = last is not None and last.fit != news.scored.fit_digest
    # None of them: the same data and model file gave another result, so the program's scoring changed.
    neither = np.where(model, "model", "fit" if refitted else "model")
    told = np.where(data, np.where(model, "both", "data"), neither)
    return np.where(before.known, told, "new")


def _write(
    connection: sa.Connection,
    scored: tuple[Assessment, Features],
    where: NDArray[np.intp],
    causes: NDArray[np.str_],
    numbers: tuple[int, int],
    *,
    known: NDArray[np.bool_],
) -> None:
    (assessment, features), (run_id, changeset) = scored, numbers
    # In the order of the key: rows are appended instead of scattered.
    where = where[np.argsort(features.feature_id[where], kind="stable")]
    closing = [(changeset, fid) for fid in features.feature_id[where[known[where]]].tolist()]
    if closing:
        update_rows(
            connection,
            "UPDATE assessment SET valid_to = ? WHERE feature_id = ? AND valid_to IS NULL",
            closing,
        )
    insert_rows(
        connection,
        s.assessment,
        ("feature_id", "version", "rank", "score", "missing", "rules", "cause"),
        (
            (
                *(fid, version, rank, None if score != score else score),  # noqa: PLR0124 (NaN)
                *(
                    _write_names(tuple(assessment.missing[i])),
                    _write_names(tuple(assessment.rules[i])),
                    cause,
                ),
            )
            for i, fid, version, rank, score, cause in zip(
                where.tolist(),
                features.feature_id[where].tolist(),
                features.version[where].tolist(),
                np.asarray(assessment.rank)[where].tolist(),
                np.asarray(assessment.score, dtype=np.float64)[where].tolist(),
                causes[where].tolist(),
                strict=True,
            )
        ),
        same={"valid_from": changeset, "run_id": run_id},
    )
