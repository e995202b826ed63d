"""What lets the first points appear early: files from memory, hints, switches that wait their turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from streamlit.file_util import get_static_dir

from riskmap.web.frame.assets import DRAWN_FIRST, START, FirstPictures, FromMemory, Frontend, frontend
from riskmap.web.pages import page_paths
from tests.asgi import Answer, get
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def client() -> Callable[..., Answer]:
    def frame(_: Request) -> Response:
        return HTMLResponse("<html></html>")

    def passed_on(request: Request) -> Response:
        return PlainTextResponse(f"passed on {request.url.path}", status_code=404)

    routes = [
        Route("/component/x/index.html", frame),
        Route("/{rest:path}", passed_on, methods=["GET", "HEAD"]),
    ]
    return partial(get, Starlette(routes=routes, middleware=[Middleware(FromMemory)]))


def test_every_part_that_is_drawn_first_exists_in_the_streamlit_that_is_installed() -> None:
    names = [Path(path).name.split(".")[0] for path in frontend().later]
    assert set(DRAWN_FIRST) <= set(names)
    assert len(names) == len(frontend().later)


def test_a_file_of_streamlit_comes_whole_and_may_be_kept_for_ever(client: Callable[..., Answer]) -> None:
    path = frontend().later[0]
    answer = client(path)
    found = frontend().file(path)
    assert found is not None
    assert answer.status == 200
    assert answer.body == found[0]
    assert "javascript" in answer.headers["content-type"]
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/js/absent.js",
        "/static/js/../../index.html",
        "/static/js/%2e%2e/%2e%2e/index.html",
        "/static/",
    ],
)
def test_what_is_no_file_of_streamlit_is_passed_on(client: Callable[..., Answer], path: str) -> None:
    assert client(path).text.startswith("passed on")


def test_another_way_of_asking_is_passed_on(client: Callable[..., Answer]) -> None:
    assert client(frontend().later[0], method="HEAD").status == 404


def test_a_page_names_the_scripts_that_come_later_and_a_frame_inside_it_does_not(
    client: Callable[..., Answer],
) -> None:
    hints = client("/").headers["link"]
    assert all(f"<{path}>; rel=modulepreload" in hints for path in frontend().later)
    assert "link" not in client("/component/x/index.html").headers


def test_every_page_is_streamlits_own_told_where_its_server_is(client: Callable[..., Answer]) -> None:
    for path in page_paths():
        answer = client(path)
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-cache"
        told = answer.text.replace(f"<script>{START}</script>", "", 1)
        assert told == (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")
        assert START in answer.text
    scripts = "".join(str(frontend().file(path)) for path in frontend()._files if "/js/index." in path)
    assert "BACKEND_BASE_URL" in scripts


def test_scripts_are_named_with_what_they_import_but_not_what_the_page_already_names(tmp_path: Path) -> None:
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    (tmp_path / "index.html").write_text('<link href="./static/js/core.a1.js">', encoding="utf-8")
    (scripts / "core.a1.js").write_text("", encoding="utf-8")
    (scripts / "Html.b2.js").write_text('import{a}from"./core.a1.js";import"./clean.c3.js"', encoding="utf-8")
    (scripts / "clean.c3.js").write_text('import{b}from"./Html.b2.js"', encoding="utf-8")
    assert Frontend(tmp_path).later == ("/static/js/Html.b2.js", "/static/js/clean.c3.js")


def test_a_visit_waits_until_its_points_are_painted() -> None:
    pictures = FirstPictures()
    visit = pictures.visit()
    gone_on = threading.Event()

    def page() -> None:
        pictures.wait(visit, PATIENCE_S)
        gone_on.set()

    thread = threading.Thread(target=page, daemon=True)
    thread.start()
    assert not gone_on.wait(0.05)
    pictures.painted(visit)
    assert gone_on.wait(PATIENCE_S)


def test_a_visit_waits_only_once_and_a_name_that_is_not_known_never() -> None:
    pictures = FirstPictures()
    visit = pictures.visit()
    pictures.wait(visit, 0.01)
    start = time.monotonic()
    pictures.wait(visit, PATIENCE_S)
    pictures.wait("unknown", PATIENCE_S)
    pictures.painted("unknown")
    assert time.monotonic() - start < PATIENCE_S / 2


def test_visits_that_nobody_ends_are_let_go() -> None:
    pictures = FirstPictures()
    first = pictures.visit()
    for _ in range(300):
        pictures.visit()
    start = time.monotonic()
    pictures.wait(first, PATIENCE_S)
    assert time.monotonic() - start < PATIENCE_S / 2
