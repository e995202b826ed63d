"""A limit is changed in a browser: the preview moves, nothing is written, then it is saved and all follows."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="system part: playwright is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def row_of(page, tier):
    """Return the numbers of one tier in the first table of the preview."""
    row = page.locator(".st-key-model-preview table").first.locator("tbody tr").filter(has_text=tier)
    row.wait_for()
    return row.locator("td, th").all_inner_texts()[1:]


def test_a_limit_is_tried_saved_and_followed_by_the_overview(page, address, workspace):
    file = workspace / "models" / "risk_points_lec.toml"
    before = file.read_text(encoding="utf-8")
    page.goto(f"{address}/model?layer=risk_points")
    page.get_by_text("草稿与已保存的模型相同").wait_for()
    assert row_of(page, "一般") == ["4", "4", "0"]

    page.get_by_label("一般 ≥", exact=True).fill("91")
    page.get_by_label("一般 ≥", exact=True).press("Enter")
    page.get_by_text("4 处等级会变：0 处变重，4 处变轻").wait_for()
    assert row_of(page, "一般") == ["4", "0", "−4"]
    page.locator(".st-key-model-preview").get_by_text("RP-LONE-general").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载全部 4 处变化").click()
    assert "RP-LONE-general" in download.value.path().read_text(encoding="utf-8-sig")
    page.get_by_role("tab", name="文件").click()
    page.wait_for_function("document.querySelector('textarea').value.includes('general = 91')")
    assert file.read_text(encoding="utf-8") == before

    page.get_by_label("经办人", exact=True).fill("张三")
    page.get_by_label("原因", exact=True).fill("区里会议确定")
    page.get_by_label("原因", exact=True).press("Tab")
    page.get_by_role("button", name="保存新版本").click()
    page.get_by_text("已保存版本 1.1 并重新评估：4 处等级有变化").wait_for()
    lines = zip(before.splitlines(), file.read_text(encoding="utf-8").splitlines(), strict=True)
    assert [new for old, new in lines if new != old] == [
        'version = "1.1"',
        'status = "draft"',  # until somebody states that the district has adopted it
        "general = 91",
        'source = ""',
    ]
    versions = page.locator("tr").filter(has_text="区里会议确定").filter(has_text="张三")
    versions.filter(has_text="现用").wait_for()

    # An earlier version is looked at.
    page.locator("tr").filter(has_text="曾用于评估").get_by_role("button", name="查看").click()
    page.get_by_role("button", name="放回这一版").wait_for()

    page.get_by_role("link", name="总览").click()
    page.locator("tr").filter(has_text="RP-LONE-general").filter(has_text="模型变化").wait_for()
