"""A person with a tablet attaches a picture to a point, decides on its position, and looks at it on page and map."""

from __future__ import annotations

import pytest

from riskmap.actions.records.attaching import attached_to
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from tests.attached_files import PLACE, photo, with_file_fields
from tests.map_workspace import make_workspace

pytest.importorskip("playwright", reason="system part: playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER, CODE = "risk_points", "RP-LONE-general"
DRAWN = "() => [...document.querySelectorAll('.rm-files img')].filter((one) => one.naturalWidth).length === 1"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attached") / "ws"
    make_workspace(folder)
    with_file_fields(folder)
    return folder


@pytest.fixture(scope="module")
def screen():
    return {"width": 820, "height": 1180}


def attach(page, *files):
    page.get_by_text("附上照片或文档", exact=True).click()
    page.locator("input[type=file]").set_input_files(list(files))
    page.get_by_text(files[0]["name"]).first.wait_for()
    page.get_by_label("经办人", exact=True).first.fill("张三")
    page.get_by_label("原因", exact=True).first.fill("现场踏勘")
    page.get_by_role("button", name="附上", exact=True).click()


def test_a_picture_is_attached_its_position_is_taken_only_when_a_person_says_so(page, address, workspace):
    page.goto(f"{address}/point?layer={LAYER}&code={CODE}")
    attach(page, {"name": "坡面.jpg", "mimeType": "image/jpeg", "buffer": photo(2400, 1800)})
    page.get_by_text("已附上 1 个文件").wait_for()
    page.wait_for_function(DRAWN)
    ws = open_workspace(workspace)
    records = one_feature(ws, LAYER, CODE).records
    assert abs(records.lon[0] - PLACE[0]) > 1e-3, "nothing is taken by itself"
    page.get_by_text("照片自带位置 114.120219, 22.628739").wait_for()
    page.get_by_role("button", name="采用这个位置", exact=True).click()
    page.get_by_text("已采用照片的位置").wait_for()
    records = one_feature(ws, LAYER, CODE).records
    assert (records.lon[0], records.lat[0]) == pytest.approx(PLACE, abs=1e-6)
    (one,) = attached_to(ws, LAYER, CODE)
    assert (one.name, one.who, one.file.width) == ("坡面.jpg", "张三", 2400)

    with page.context.expect_page() as opened:
        page.locator(".rm-files a").click()
    large = opened.value
    large.wait_for_load_state()
    assert large.evaluate("document.contentType") == "image/jpeg"
    assert large.evaluate("document.images[0].naturalWidth") == 1600
    large.close()


def test_what_is_no_picture_is_refused_on_the_page_and_nothing_is_kept(page, address, workspace):
    before = len(list((workspace / "data" / "files").rglob("*.*")))
    page.goto(f"{address}/point?layer={LAYER}&code=RP-LONE-large")
    attach(page, {"name": "假.jpg", "mimeType": "image/jpeg", "buffer": b"<script>alert(1)</script>"})
    page.get_by_text("不是可以附上的文件").wait_for()
    assert len(list((workspace / "data" / "files").rglob("*.*"))) == before
