"""The HTTP routes beside Streamlit's: tiles, shapes, cards, search, boundaries, relief, downloads.

Routes of `st.App` are reached without Streamlit's session or login, so each one that returns data
reads a signed token. A token names what it may show (a selection, at one state of the ledger) and
is part of the address, so what it returns can be cached for ever. A handler is a plain function:
Starlette runs it in a thread and the loop of the websockets stays free.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial, wraps
from typing import Any, Final
from urllib.parse import quote

import orjson
import shapely
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from riskmap.actions.episode.playback import Storm, storm
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import ExportError, Lang, RiskmapError, SelectionError, UnknownNameError
from riskmap.ledger import Ledger
from riskmap.reports.browser_map import leaflet_dir
from riskmap.selection import Selection, Snapshot, point, search, shapes_in, tile
from riskmap.selection.views import row_mask, view_of
from riskmap.texts import t
from riskmap.values.hazards import Escalation
from riskmap.values.scenario import beijing
from riskmap.vocabulary import RANKS, TIER_TITLES
from riskmap.web.frame import attached, background, downloads, strip
from riskmap.web.frame.assets import bundles, first_pictures
from riskmap.web.frame.background import GROUND, MAP
from riskmap.web.frame.observations import PATH, observations
from riskmap.web.frame.running import long_actions
from riskmap.web.frame.security import DATA_POLICY, SESSION_HEADER, ForbiddenError
from riskmap.web.frame.state import LANGUAGES, past_of, signer, workspace
from riskmap.web.pages import pages
from riskmap.web.widgets.map import brief, card, in_same_cell

STORM: Final = "storm"  # a kept scenario: [its number, ledger state]


_FOR_EVER: Final = "private, max-age=31536000, immutable"


_NOT_KEPT: Final = "no-store"


_MOST_FOUND: Final = 12


_LONGEST_SEARCH: Final = 80


_DEEPEST: Final = 24


_log = logging.getLogger(__name__)


Handler = Callable[[Request], Response]


class BadRequestError(RiskmapError):
    """A number or word in an address that cannot be used."""

    def __init__(self, name: str, found: str) -> None:
        short = found[:40]
        super().__init__(
            f"地址中的 {name} 无法使用：{short}；请从页面重新打开",
            f"{name} in the address cannot be used: {short}; open it from the page",
        )


class NotFoundError(RiskmapError):
    """An address of ours with nothing behind it."""

    def __init__(self) -> None:
        super().__init__("没有这项内容；请刷新页面", "there is no such thing; reload the page")


def _json(value: Any, *, status: int = 200, keep: str = _NOT_KEPT) -> Response:
    return _answer(orjson.dumps(value), "application/json", status=status, keep=keep)


def _answer(body: bytes, media_type: str, *, status: int = 200, keep: str = _FOR_EVER) -> Response:
    headers = {
        "Cache-Control": keep,
        "Content-Security-Policy": DATA_POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, status_code=status, media_type=media_type, headers=headers)


_STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (UnknownNameError, 404),
    (BadRequestError, 400),
    (SelectionError, 400),
    (ExportError, 500),
    (RiskmapError, 503),  # the workspace itself cannot be opened
)


def guarded(handler: Handler) -> Handler:
    """Turn what a handler refuses into a short JSON answer; never show a traceback."""

    @wraps(handler)
    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except RiskmapError as problem:
            status = next(code for kind, code in _STATUS if isinstance(problem, kind))
            return _json({"error": problem.text(_lang(request))}, status=status)
        except Exception:  # noqa: BLE001 - logged; whoever asked gets an answer, not a traceback
            _log.exception("route %s failed", request.url.path)
            return _json(
                {"error": "程序出错，请看服务器记录 (unexpected error, see the server's log)"}, status=500
            )

    return answer


def _session(request: Request) -> str:
    """Return the browser session that asks. ForbiddenError without one: no address is for nobody."""
    session = request.headers.get(SESSION_HEADER, "")
    if not session:
        raise ForbiddenError
    return session


def _lang(request: Request) -> Lang:
    asked = request.query_params.get("lang")
    return asked if asked in LANGUAGES else "zh"


def _whole(request: Request, name: str, low: int, high: int) -> int:
    text = request.path_params.get(name, request.query_params.get(name, ""))
    if not (text.isascii() and text.isdigit() and len(text) < 12):  # noqa: PLR2004 - more is no number of ours
        raise BadRequestError(name, text)
    value = int(text)
    if not low <= value <= high:
        raise BadRequestError(name, text)
    return value


@lru_cache(maxsize=512)
def _parsed(text: str) -> Selection:
    return Selection.from_text(text)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a token of the map may show; `as_of` a past day or moment, `past` as addresses hold it, `keep` how long
    an answer may be kept.
    """

    selection: Selection
    snapshot: Snapshot
    as_of: date | None
    past: str
    keep: str


def _spec(token: str, session: str) -> _Shown:
    """Return what a token shows.

    An address of an older state or catalogue is answered from the ledger as it is now, and not kept.
    """
    text, key, *past = signer().read(MAP, token, session)
    as_of = past_of(past[0]) if past else None
    now = current_snapshot(workspace(), as_of=as_of)
    keep = _FOR_EVER if now.key == key else _NOT_KEPT
    return _Shown(_parsed(text), now, as_of, past[0] if past else "", keep)


@guarded
def tiles(request: Request) -> Response:
    """`/tiles/{spec}/{z}/{x}/{y}.bin`: see `riskmap.selection.tiles` for the bytes."""
    shown = _spec(request.path_params["spec"], _session(request))
    z = _whole(request, "z", 0, _DEEPEST)
    x, y = (_whole(request, name, 0, (1 << z) - 1) for name in "xy")
    body = tile(shown.snapshot, shown.selection, z, x, y)
    return _answer(body, "application/octet-stream", keep=shown.keep)


@guarded
def shapes(request: Request) -> Response:
    """`/shapes/{spec}.json?bbox=W,S,E,N&z=`: lines and polygons of a window, simplified for its zoom."""
    shown = _spec(request.path_params["spec"], _session(request))
    zoom = _whole(request, "z", 0, _DEEPEST)
    window = _window(request.query_params.get("bbox", ""))
    tolerance = 360.0 / (256 << zoom) / 2  # half a pixel
    features = []
    for outline in shapes_in(shown.snapshot, shown.selection, window):
        shape = shapely.simplify(shapely.from_wkb(outline.wkb), tolerance)
        features.append(
            {
                "type": "Feature",
                "properties": {"id": outline.feature_id, "rank": outline.rank, "layer": outline.layer},
                "geometry": orjson.Fragment(shapely.to_geojson(shapely.set_precision(shape, 1e-7))),
            }
        )
    return _json({"type": "FeatureCollection", "features": features, "zoom": zoom}, keep=shown.keep)


def _window(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadRequestError("bbox", text) from None
    if not (west <= east and south <= north):  # NaN fails, too
        raise BadRequestError("bbox", text)
    return west, south, east, north


@guarded
def points(request: Request) -> Response:
    """`/points/{spec}/{id}?lang=&z=`: the card of a record; with z those that share its symbol."""
    shown = _spec(request.path_params["spec"], _session(request))
    lang, ws, now = _lang(request), workspace(), shown.snapshot
    hit = point(now, _whole(request, "id", 0, (1 << 32) - 1))
    if hit is None:
        raise NotFoundError
    others, total = [hit], 1
    if "z" in request.query_params:
        others, total = in_same_cell(now, shown.selection, hit, _whole(request, "z", 0, _DEEPEST))
    sign = partial(signer().sign, session=_session(request))
    files = attached.shown_files(ws, hit.layer, hit.code, lang, sign, as_of=shown.as_of, past=shown.past)
    return _json(
        {
            "card": card(ws, now, hit, lang, as_of=shown.as_of) | {"files": files},
            "others": [brief(other, ws.catalog.layers, lang) for other in others],
            "total": total,
        }
    )


@guarded
def find(request: Request) -> Response:
    """`/search?spec=&q=&lang=`: records by code, name or address, worst first, whatever the filter.

    `shown`: whether the filter lets a record through; `more`: whether there are others.
    """
    seen = _spec(request.query_params.get("spec", ""), _session(request))
    now = seen.snapshot
    text = request.query_params.get("q", "")[:_LONGEST_SEARCH]
    layers, passes = workspace().catalog.layers, row_mask(now, view_of(now, seen.selection))
    hits = search(now, text, _MOST_FOUND + 1)
    found = [
        {
            **brief(hit, layers, _lang(request)),
            "shown": bool(passes[now.starts[now.layer_index(hit.layer)] + hit.row]),
        }
        for hit in hits[:_MOST_FOUND]
    ]
    return _json({"found": found, "more": len(hits) > _MOST_FOUND})


@guarded
def attached_file(request: Request) -> Response:
    """`/files/{token}/{wanted}`: a picture of a record, upright and without EXIF, or a document to keep."""
    named = signer().read(attached.PURPOSE, request.path_params["token"], _session(request))
    found = attached.sent(workspace(), named, request.path_params["wanted"], past_of(str(named[4])))
    if found is None:
        raise NotFoundError
    if found.name:
        return _handed_over(downloads.sent(found.name, found.content))
    return _answer(found.content, found.mime)


def _ground(request: Request) -> None:
    signer().read(GROUND, request.query_params.get("k", ""), _session(request))


@guarded
def boundaries(request: Request) -> Response:
    """`/boundaries.json?k=`: district and sub-districts, with a place for each name."""
    _ground(request)
    return _answer(background.boundaries(workspace()), "application/geo+json")


@guarded
def hillshade(request: Request) -> Response:
    """`/hillshade.png?k=`: shaded relief of the workspace's terrain."""
    _ground(request)
    relief = background.relief(workspace())
    if relief is None:
        raise NotFoundError
    return _answer(relief.png, "image/png")


@guarded
def basemap(request: Request) -> Response:
    """`/basemap/{z}/{x}/{y}?k=`: a tile of the workspace's own MBTiles file."""
    _ground(request)
    z = _whole(request, "z", 0, _DEEPEST)
    x, y = (_whole(request, name, 0, (1 << z) - 1) for name in "xy")
    try:
        found = background.basemap_tile(workspace(), z, x, y)
    except sqlite3.Error:
        found = None
    if found is None:
        return _answer(b"", "image/png", status=204)
    return _answer(*found)


@guarded
def download(request: Request) -> Response:
    """`/download/{token}`: an export, or what a page offers, made when it is asked for."""
    asked = downloads.asked(signer(), request.path_params["token"], _session(request))
    return _handed_over(downloads.made(workspace(), asked))


def _handed_over(sent: downloads.Sent) -> Response:
    headers = {
        "Cache-Control": _NOT_KEPT,
        "Content-Security-Policy": DATA_POLICY,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(sent.name, safe='')}",
        "Content-Length": str(sent.length),
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(sent.pieces, media_type="application/octet-stream", headers=headers)


@guarded
def asset(request: Request) -> Response:
    """`/assets/{digest}/{name}`: Leaflet, our JavaScript and the styles of both."""
    bundle = bundles().get(request.path_params["name"])
    if bundle is None:
        raise NotFoundError
    keep = (
        _FOR_EVER.replace("private", "public")
        if request.path_params["digest"] == bundle.digest
        else _NOT_KEPT
    )
    return _answer(bundle.body, bundle.media_type, keep=keep)


def _scenario(request: Request) -> Storm:
    number, _ = signer().read(STORM, request.path_params["token"], _session(request))
    return storm(workspace(), number)


@guarded
def storm_document(request: Request) -> Response:
    """`/storm/{token}.json`: hours, tracks, cone, rain and counts of a scenario (`riskmap.response.playback`)."""
    return _json(_scenario(request).document, keep=_FOR_EVER)


@guarded
def storm_points(request: Request) -> Response:
    """`/storm/{token}.bin`: the records that it raises, by hour."""
    return _answer(_scenario(request).points, "application/octet-stream")


@guarded
def storm_causes(request: Request) -> Response:
    """`/storm/{token}/{id}?lang=`: why the scenario raises one record, worst first."""
    lang = _lang(request)
    found = _scenario(request).why(_whole(request, "id", 0, (1 << 32) - 1))
    return _json(
        {
            "raised": [
                {
                    "rank": one.rank_to,
                    "cause": one.cause.text(lang),
                    "when": _when(one, lang),
                }
                for one in (record.escalation for record in found)
            ]
        }
    )


def _when(one: Escalation, lang: Lang) -> str:
    """Return from when to when a record is raised; each tier on the way with its own hours, the worst first."""
    times = [f"{beijing(span.start)} – {beijing(span.expiry)}" for span in one.spans]
    if len(times) == 1:
        return times[0]
    tiers = [TIER_TITLES[RANKS[span.rank]].text(lang) for span in one.spans]
    return " · ".join(f"{tier} {time}" for tier, time in reversed([*zip(tiers, times, strict=True)]))


@guarded
def painted(request: Request) -> Response:
    """`/painted/{visit}`: the map of a visit shows its first points; nothing is told in return."""
    first_pictures.painted(request.path_params["visit"])
    return _answer(b"", "text/plain", status=204, keep=_NOT_KEPT)


def _strip(request: Request) -> tuple[str, Lang, str]:
    """Return whose strip asks, in which language, and from which tab."""
    owner = _session(request)
    lang, tab = signer().read(strip.RUNNING, request.path_params["token"], owner)
    return owner, lang, tab


@guarded
def running(request: Request) -> Response:
    """`/running/{token}`: what runs for this session and what came of it, a row each (`riskmap.web.frame.strip`)."""
    owner, lang, tab = _strip(request)
    return _json({"rows": strip.rows(long_actions.of(owner), tab, lang)})


@guarded
def one_running(request: Request) -> Response:
    """`/running/{token}/{name}`: POST asks a long action to stop, DELETE lets go of it, GET fetches its file."""
    owner, *_ = _strip(request)
    found = long_actions.named(owner, request.path_params["name"])
    if request.method == "POST" and found is not None:
        found.watch.stop()
    elif request.method == "DELETE" and found is not None and found.over:
        long_actions.forget(owner, found)
    elif request.method not in {"POST", "DELETE"}:
        if found is None or found.file is None:
            raise NotFoundError
        return _handed_over(downloads.sent(found.file.name, found.file.content()))
    return _answer(b"", "text/plain", status=204, keep=_NOT_KEPT)


def healthz(request: Request) -> Response:
    """`/healthz`: 200 when the ledger can be read, else 503 and which part failed; the log says more."""
    cause = "workspace"
    try:
        store = workspace().store
        cause = "ledger"
        with Ledger.open(
            store
        ) as opened:  # anew: open connections would go on reading a file that was removed
            _ = opened.state
    except RiskmapError as problem:
        _log.warning("healthz: %s", problem)
        # A message names files and addresses: it is for the log, not for whoever may ask.
        remedy = t("healthz_remedy", _lang(request))
        return _json({"status": "unavailable", "cause": cause, "remedy": remedy}, status=503)
    return _json({"status": "ok"})


def first_page(request: Request) -> Response:
    """`/map`: the first page stands at `/`; whoever writes its name is led there with what they ask of it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{query}", status_code=301, headers={"Cache-Control": "no-cache"})


def routes() -> list[BaseRoute]:
    """Return all routes of ours, for `st.App`."""
    first, *_ = pages()
    return [
        Route(f"/{first}", first_page),
        Route(f"/{first}/", first_page),
        Route("/healthz", healthz),
        Route(PATH, observations, methods=["POST"]),
        Route("/tiles/{spec}/{z}/{x}/{y}.bin", tiles),
        Route("/shapes/{spec}.json", shapes),
        Route("/points/{spec}/{id}", points),
        Route("/search", find),
        Route("/painted/{visit}", painted),
        Route("/storm/{token}.json", storm_document),
        Route("/storm/{token}.bin", storm_points),
        Route("/storm/{token}/{id}", storm_causes),
        Route("/boundaries.json", boundaries),
        Route("/hillshade.png", hillshade),
        Route("/basemap/{z}/{x}/{y}", basemap),
        Route("/files/{token}/{wanted}", attached_file),
        Route("/download/{token}", download),
        Route("/running/{token}", running),
        Route("/running/{token}/{name}", one_running, methods=["GET", "POST", "DELETE"]),
        Mount("/assets/leaflet", StaticFiles(directory=leaflet_dir())),
        Route("/assets/{digest}/{name}", asset),
    ]
