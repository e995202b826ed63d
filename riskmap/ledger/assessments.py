"""Results of scoring: only what changed is stored, with the model it came from and the cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.errors import LedgerError, Text
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.columns import held_at
from riskmap.ledger.runs import digest_of, keep_fit, keep_model, last_run
from riskmap.ledger.store import (
    CHUNK,
    Store,
    insert_rows,
    json_list,
    next_id,
    no_cycles,
    read_chunks,
    update_rows,
)
from riskmap.progress import UNWATCHED, Progress
from riskmap.values.assessment import Assessment
from riskmap.vocabulary import UNRATED

if TYPE_CHECKING:
    from riskmap.ledger import revisions
else:
    revisions = later("riskmap.ledger.revisions")

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
    """What the ledger holds of records, in the order of the ids asked for, and their assessments.

    `version` and `changed` (changeset of it) are −1 where the ledger has no such record. Without an
    assessment `known` is false, `rank` unrated, `score` NaN, `since` (its changeset) 0. `missing` and
    `rules` are places in `texts`, which holds each stored text once; the first one is None.
    """

    version: NDArray[np.int64]
    changed: NDArray[np.int64]
    known: NDArray[np.bool_]
    rank: NDArray[np.uint8]
    score: NDArray[np.float64]
    since: NDArray[np.int64]
    missing: NDArray[np.int32]
    rules: NDArray[np.int32]
    texts: dict[str | None, int]

    @classmethod
    def none(cls, count: int) -> Results:
        """Return what is held of records that the ledger does not know."""
        return cls(
            version=np.full(count, -1, dtype=np.int64),
            changed=np.full(count, -1, dtype=np.int64),
            known=np.zeros(count, dtype=bool),
            rank=np.full(count, UNRATED, dtype=np.uint8),
            score=np.full(count, np.nan),
            since=np.zeros(count, dtype=np.int64),
            missing=np.zeros(count, dtype=np.int32),
            rules=np.zeros(count, dtype=np.int32),
            texts={None: 0},
        )

    def names(self, codes: NDArray[np.int32]) -> list[tuple[str, ...]]:
        """Return `missing` or `rules` as names."""
        read = [read_names(text) for text in self.texts]
        return [read[code] for code in codes.tolist()]


@lru_cache(maxsize=8192)
def read_names(text: str | None) -> tuple[str, ...]:
    """Return the names that a stored text means."""
    return () if text is None else tuple(orjson.loads(text))


def _write_names(names: Sequence[str]) -> str | None:
    return orjson.dumps(names).decode() if names else None


def read_results(
    connection: sa.Connection, layer: str, feature_ids: NDArray[np.int64], *, at: int | None = None
) -> Results:
    """Read records and their assessments, the latter now or as they were after changeset `at`."""
    count = len(feature_ids)
    found = Results.none(count)
    if count == 0:
        return found
    order = np.argsort(feature_ids, kind="stable")
    ordered = feature_ids[order]
    for rows in read_chunks(connection, _results_query(layer, ordered, at)):
        ids, *columns = zip(*rows, strict=True)
        theirs = np.array(ids, dtype=np.int64)
        place = np.searchsorted(ordered, theirs)
        place[place == count] = 0
        ours = np.flatnonzero(ordered[place] == theirs)
        _fill(found, order[place[ours]], ours, columns)
    return found


def _results_query(layer: str, ordered: NDArray[np.int64], at: int | None) -> sa.Select[*tuple[Any, ...]]:
    f, t = s.feature, s.assessment
    joined = f.outerjoin(t, sa.and_(t.c.feature_id == f.c.id, held_at(t, at)))
    query = sa.select(
        *(f.c.id, f.c.version, f.c.changed, t.c.rank, t.c.score, t.c.valid_from, t.c.missing, t.c.rules)
    ).select_from(joined)
    # Asked for both, SQLite would walk through the whole layer.
    return query.where(
        f.c.id.in_(json_list(ordered.tolist())) if len(ordered) <= _FEW else f.c.layer == layer
    )


def _fill(found: Results, where: NDArray[np.intp], ours: NDArray[np.intp], columns: Sequence[Any]) -> None:
    versions, changed, ranks, scores, since, missing, rules = columns
    found.version[where] = np.array(versions, dtype=np.int64)[ours]
    found.changed[where] = np.array(changed, dtype=np.int64)[ours]
    for texts, into in ((missing, found.missing), (rules, found.rules)):
        into[where] = _places(texts, found.texts)[ours]
    rank = np.array(ranks, dtype=np.float64)[ours]
    known = ~np.isnan(rank)
    found.known[where] = known
    where, ours = where[known], ours[known]
    found.rank[where] = rank[known]
    found.score[where] = np.array(scores, dtype=np.float64)[ours]
    found.since[where] = np.array(since, dtype=np.float64)[ours]


def _places(texts: Sequence[str | None], place: dict[str | None, int]) -> NDArray[np.int32]:
    """Return the place of each text, new ones put in."""
    for text in dict.fromkeys(texts):
        place.setdefault(text, len(place))
    return np.fromiter(map(place.__getitem__, texts), np.int32, len(texts))


def newly_unrated(
    store: Store, layer: str, feature_ids: NDArray[np.int64], *, at: int | None
) -> NDArray[np.bool_]:
    """Return which of some records, unrated after changeset `at` (or now), became so at or after the last whole run.

    Those that were unrated before it and in it are not new, nor those that the first whole run of a layer left so.
    """
    with store.reading() as connection:
        last = last_run(connection, layer, at=at)
        if last is None:
            return np.ones(len(feature_ids), dtype=bool)
        run = last.changeset_id
        first = last_run(connection, layer, at=run - 1) is None
        then, before = (read_results(connection, layer, feature_ids, at=n) for n in (run, run - 1))
    usual = then.known & (then.rank == UNRATED)
    return ~usual if first else ~(usual & before.known & (before.rank == UNRATED))


@dataclass(frozen=True, slots=True)
class Scored:
    """A layer's results, ids (int64) and versions (int64) of the records that they were made from, the
    text of the model, and of its fit where it compares with the whole layer.
    """

    assessment: Assessment
    feature_id: NDArray[np.int64]
    version: NDArray[np.int64]
    model_text: str
    fit: str | None = None

    @property
    def fit_digest(self) -> str | None:
        """Name of the fit."""
        return digest_of(self.fit)


@dataclass(frozen=True, slots=True)
class _News:
    """What a layer's results would change: `where` differ, `fresh` were made from what is current.

    `missing` and `rules` of the results are places in `before.texts`.
    """

    scored: Scored
    before: Results
    fresh: NDArray[np.bool_]
    missing: NDArray[np.int32]
    rules: NDArray[np.int32]
    where: NDArray[np.intp]
    whole: bool
    last: Any
    nothing: bool


_COMPARING = Text("与上次结果对照", "comparing with the last results")


_SAVING = Text("写入结果", "writing the results")


def save_assessments(
    store: Store, scored: Sequence[Scored], *, by: str, why: str, progress: Progress = UNWATCHED
) -> list[RunResult]:
    """Store what changed in any of the layers, as one run in one changeset; nothing, where nothing did.

    A result is kept only for the very version of a record it was made from.
    """
    for one in scored:
        _check_lengths(one)
    sizes = [len(one.feature_id) for one in scored]
    looks = progress.parts(*sizes, *(3 * size for size in sizes))  # writing a result takes three times a look
    with no_cycles(), store.writing() as connection:
        found = []
        for one, look in zip(scored, looks, strict=False):
            look.step(0, 1, _COMPARING)
            found.append(_news(connection, one))
        run, changeset = None, None
        if not all(news.nothing for news in found):
            counts = {
                "assessed": sum(len(news.fresh) for news in found),
                "unrated": sum(_unrated(news) for news in found),
                "changed": sum(len(news.where) for news in found),
            }
            changeset = revisions.open_changeset(
                connection, store, by=by, why=why, kind="assess", counts=counts
            )
            run = next_id(connection, s.assessment_run)
            connection.execute(s.assessment_run.insert().values(id=run, changeset_id=changeset))
            for news, write in zip(found, looks[len(found) :], strict=True):
                _keep(connection, news, run, changeset, write)
    return [
        RunResult(
            *(run, changeset, len(news.fresh), _unrated(news), len(news.where)),
            int(np.count_nonzero(~news.fresh)),
        )
        for news in found
    ]


def _check_lengths(scored: Scored) -> None:
    assessment, count = scored.assessment, len(scored.feature_id)
    if not (
        len(assessment.score)
        == len(assessment.rank)
        == len(assessment.missing)
        == len(assessment.rules)
        == len(scored.version)
        == count
    ):
        raise LedgerError(
            f"{assessment.layer}：评估结果 {len(assessment.score)} 条，记录 {count} 条，对不上，未写入；请重新评估",
            f"{assessment.layer}: {len(assessment.score)} results for {count} records, nothing was written; assess again",
        )


def _unrated(news: _News) -> int:
    return int(np.count_nonzero(np.asarray(news.scored.assessment.rank) == UNRATED))


def _news(connection: sa.Connection, scored: Scored) -> _News:
    assessment, count = scored.assessment, len(scored.feature_id)
    last = last_run(connection, assessment.layer)
    before = read_results(connection, assessment.layer, scored.feature_id)
    fresh = before.version == scored.version
    missing, rules = (_written(rows, before.texts) for rows in (assessment.missing, assessment.rules))
    other = _differs(before, assessment) | (missing != before.missing) | (rules != before.rules)
    whole = _is_whole(connection, assessment.layer, count)
    if not whole:  # nothing else says that another model than before stands behind an equal result
        other |= _other_model(connection, before, last, assessment)
    where = np.flatnonzero(fresh & other)
    # A whole run is noted without a change, too, where it tells something: that data or model are
    # new and changed nothing. The next run's causes are told from it.
    told = (
        last is not None
        and last.digest == assessment.digest
        and last.fit == scored.fit_digest
        and bool((before.changed <= last.base).all())
    )
    nothing = not len(where) and bool(fresh.all()) and (told or not whole or not count)
    return _News(scored, before, fresh, missing, rules, where, whole, last, nothing)


def _written(rows: Sequence[Sequence[str]], place: dict[str | None, int]) -> NDArray[np.int32]:
    """Return the place of each row's names among the stored texts; names that repeat are written once."""
    texts = {names: _write_names(names) for names in dict.fromkeys(map(tuple, rows))}
    return _places([texts[tuple(names)] for names in rows], place)


def _keep(connection: sa.Connection, news: _News, run: int, changeset: int, progress: Progress) -> None:
    assessment = news.scored.assessment
    keep_model(connection, assessment.model, assessment.digest, news.scored.model_text)
    # A record that moved on while it was scored counts as new data for the next run.
    base = changeset if bool(news.fresh.all()) else int(news.before.changed[~news.fresh].min()) - 1
    connection.execute(
        s.run_layer.insert().values(
            changeset_id=changeset,
            run_id=run,
            layer=assessment.layer,
            model=assessment.model,
            digest=assessment.digest,
            base=base,
            whole=int(news.whole),
            assessed=len(news.fresh),
            unrated=_unrated(news),
            changed=len(news.where),
            fit=keep_fit(connection, news.scored.fit),
        )
    )
    causes = _causes(connection, news)
    _write(connection, news, causes, run_id=run, changeset=changeset, progress=progress)


def _is_whole(connection: sa.Connection, layer: str, count: int) -> bool:
    """Return whether so many records are all active ones of a layer; looks at no more than these."""
    t = s.feature
    one_more = sa.select(t.c.id).where(t.c.layer == layer, t.c.retired == 0).limit(1).offset(count)
    return connection.execute(one_more).scalar() is None


def _differs(before: Results, now: Assessment) -> NDArray[np.bool_]:
    """Return which results have no assessment before them, or another tier or score."""
    close = np.isclose(before.score, np.asarray(now.score), rtol=1e-12, atol=0.0, equal_nan=True)
    return ~before.known | (before.rank != np.asarray(now.rank)) | ~close


def _causes(connection: sa.Connection, news: _News) -> NDArray[np.str_]:
    """Return why each result may differ from the one before: new, data, model or both."""
    before, last, assessment = news.before, news.last, news.scored.assessment
    base = 0 if last is None else last.base
    data = before.changed > np.where(_alone(before, last), before.since, base)
    model = _other_model(connection, before, last, assessment)
    refitted = last is not None and last.fit != news.scored.fit_digest
    # None of them: the same data and model file gave another result, so the program's scoring changed.
    neither = np.where(model, "model", "fit" if refitted else "model")
    told = np.where(data, np.where(model, "both", "data"), neither)
    return np.where(before.known, told, "new")


def _alone(before: Results, last: Any) -> NDArray[np.bool_]:
    """Return which records were scored by themselves after the last whole run; they are compared with that."""
    return before.since > (0 if last is None else last.changeset_id)


def _other_model(connection: sa.Connection, before: Results, last: Any, now: Assessment) -> NDArray[np.bool_]:
    """Return which results another model had made before."""
    alone, t = _alone(before, last), s.run_layer
    other = np.full(len(alone), last is not None and last.digest != now.digest)
    for number in np.unique(before.since[alone]).tolist():
        theirs = sa.select(t.c.digest).where(t.c.changeset_id == number, t.c.layer == now.layer)
        other[before.since == number] = connection.execute(theirs).scalar() != now.digest
    return other


def _write(
    connection: sa.Connection,
    news: _News,
    causes: NDArray[np.str_],
    *,
    run_id: int,
    changeset: int,
    progress: Progress,
) -> None:
    ids = news.scored.feature_id
    # In the order of the key: rows are appended instead of scattered.
    where = news.where[np.argsort(ids[news.where], kind="stable")]
    closing = [(changeset, fid) for fid in ids[where[news.before.known[where]]].tolist()]
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
        _rows(news, where, causes, progress),
        same={"valid_from": changeset, "run_id": run_id},
    )


def _rows(
    news: _News, where: NDArray[np.intp], causes: NDArray[np.str_], progress: Progress
) -> Iterator[tuple[Any, ...]]:
    """Yield what is stored of each result, chunk by chunk."""
    scored, texts = news.scored, list(news.before.texts)
    rank, score = np.asarray(scored.assessment.rank), np.asarray(scored.assessment.score, dtype=np.float64)
    for start in range(0, len(where), CHUNK):
        progress.step(start, len(where), _SAVING)
        at = where[start : start + CHUNK]
        yield from zip(
            scored.feature_id[at].tolist(),
            scored.version[at].tolist(),
            rank[at].tolist(),
            [None if value != value else value for value in score[at].tolist()],  # noqa: PLR0124 (NaN)
            [texts[place] for place in news.missing[at].tolist()],
            [texts[place] for place in news.rules[at].tolist()],
            causes[at].tolist(),
            strict=True,
        )
