"""The main job in a browser: import, edit with a conflict, export; names stay harmless; nothing leaves."""

from __future__ import annotations

import docx
import openpyxl
import pytest

from riskmap.actions.workspace import create_workspace
from tests.map_workspace import HOSTILE

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CODE = "RP-LONE-general"


@pytest.fixture
def open_tab(people):
    tabs = []

    def opened(url):
        """Open an address as somebody who has no other tab."""
        watched = people.open(len(tabs))
        tabs.append(watched)
        watched.page.goto(url)
        return watched.page

    yield opened
    hacked = [tab.page.evaluate("window.hacked") for tab in tabs]
    people.leave()
    assert [tab.outside() for tab in tabs] == [[]] * len(tabs)
    assert [tab.complaints for tab in tabs] == [[]] * len(tabs)
    assert hacked == [None] * len(tabs)


def sign(page, by, why):
    page.get_by_label("经办人", exact=True).first.fill(by)
    page.get_by_label("原因", exact=True).first.fill(why)


def test_a_blank_template_is_fetched_filled_in_and_checked(open_tab, address, tmp_path):
    page = open_tab(f"{address}/import")
    with page.expect_download() as fetched:
        page.get_by_text("空白模板：风险点").click()
    file = tmp_path / fetched.value.suggested_filename
    fetched.value.save_as(file)
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    stated = {"编号": "RP-T-1", "名称": "模板填的点", "经度(CGCS2000)": 114.11, "纬度(CGCS2000)": 22.55}
    for cell in sheet[1]:
        sheet.cell(2, cell.column).value = stated.get(cell.value)
    book.save(file)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("✓ 1 = 接收 1 + 退回 0 + 非数据 0").wait_for()
    page.get_by_text("没有字段读取 0 列").wait_for()


def test_a_file_is_checked_written_edited_against_another_person_and_exported(open_tab, address, tmp_path):
    # Import: nothing is written before it was looked at.
    file = tmp_path / "桂园街道.csv"
    file.write_text(
        "编号,名称,所属街道,经度,纬度,可能性,暴露频率,后果\n"
        "RP-UP-1,新点甲,桂园街道,114.111,22.551,6,6,15\n"
        "RP-UP-2,坏行,桂园街道,114.112,22.552,较高,6,15\n",
        encoding="utf-8-sig",
    )
    page = open_tab(f"{address}/import")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="核对文件").click()
    # A datum is never guessed; the strip above says it too, sooner or later than the page.
    page.get_by_test_id("stAlertContentError").get_by_text("没有说明坐标系").wait_for()
    page.get_by_label("坐标系", exact=True).click()
    page.get_by_role("option", name="CGCS2000（国家 2000，台账所用）").click()
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("核对结果：风险点（尚未写入）").wait_for()
    page.get_by_text("✓ 2 = 接收 1 + 退回 1 + 非数据 0").wait_for()
    page.get_by_text("桂园街道.csv › 桂园街道 › 第 3 行").first.wait_for()
    sign(page, "王五", "五月更新")
    page.get_by_role("button", name="写入台账").click()
    page.get_by_text("已写入：新增 1，更新 0，不变 0；待确认 0，退回 1。").wait_for()
    page.get_by_text("首次评估 1 处：重大 1").wait_for()

    # Edit: two people open the same version.
    first, second = (open_tab(f"{address}/point?layer=risk_points&code=RP-UP-1") for _ in range(2))
    for tab in (first, second):
        tab.get_by_role("button", name="修改", exact=True).click()
        tab.get_by_label("可能性L", exact=True).wait_for()
    first.get_by_label("可能性L", exact=True).fill("1")
    sign(first, "张三", "整改完成")
    first.get_by_role("button", name="保存", exact=True).click()
    first.get_by_text("等级由重大变为一般").wait_for()
    second.get_by_label("可能性L", exact=True).fill("3")
    second.get_by_label("名称", exact=True).fill(HOSTILE[0])
    sign(second, "李四", "复核")
    second.get_by_role("button", name="保存", exact=True).click()
    second.get_by_text("您打开表单时是第 1 版").wait_for()
    second.get_by_role("button", name="保存为第 3 版").is_disabled()
    second.get_by_text("留台账的").last.click()
    second.get_by_role("button", name="保存为第 3 版").and_(second.locator(":enabled")).click()
    second.get_by_text("已保存为第 3 版").wait_for()
    assert second.locator("h1").inner_text() == HOSTILE[0]

    # Export: what the filter shows, and no more.
    page = open_tab(f"{address}/inventory?layers=risk_points&q=RP-UP")
    page.get_by_text("第 1–1 条，共 1 条").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel", exact=True).click()
    download.value.save_as(tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    cells = [cell for row in book["风险点"].iter_rows(values_only=True) for cell in row]
    assert cells.count("RP-UP-1") == 1
    assert HOSTILE[0] in cells
    assert "一般" in cells


def test_a_row_opens_its_point_and_the_address_says_which(open_tab, address):
    page = open_tab(f"{address}/inventory?layers=risk_points&q={CODE}")
    page.locator("tr.open").first.click()
    page.get_by_role("heading", name="孤点general").wait_for()
    page.wait_for_url(f"**/point?layer=risk_points&code={CODE}")


def test_a_number_of_the_overview_opens_its_records(open_tab, address):
    page = open_tab(f"{address}/overview")
    row = page.locator("tr").filter(has_text="森林防火网格").first
    number = row.locator("a").last
    shown = number.inner_text()
    number.click()
    page.get_by_text(f"共 {shown} 条").wait_for()
    page.get_by_text("图层：森林防火网格").wait_for()


def test_hostile_names_are_shown_as_written_in_every_list(open_tab, address):
    page = open_tab(f"{address}/inventory?q=RP-EVIL")
    page.get_by_text(f"共 {len(HOSTILE)} 条").wait_for()
    shown = page.locator("td.text a").all_inner_texts()
    assert set(shown) >= set(HOSTILE)
    page.goto(f"{address}/point")
    page.get_by_label("名称、编号或地址").fill("RP-EVIL")
    page.get_by_label("名称、编号或地址").press("Enter")
    page.get_by_text(f"共 {len(HOSTILE)} 条").wait_for()
    assert set(page.locator("td.text a").all_inner_texts()) == set(HOSTILE)
    page.goto(f"{address}/overview")
    page.get_by_text("等级 × 图层").wait_for()


def test_pages_sort_and_turn_without_the_mouse(open_tab, address):
    page = open_tab(f"{address}/inventory")
    page.get_by_role("button", name="下一页").focus()
    page.keyboard.press("Enter")
    page.get_by_text("第 51–").wait_for()
    page.get_by_role("button", name="编号").focus()
    page.keyboard.press("Enter")
    page.get_by_text("第 1–50 条").wait_for()
    page.locator("th[aria-sort=ascending]").filter(has_text="编号").wait_for()


def test_an_empty_ledger_tells_a_newcomer_what_to_do(open_tab, tmp_path):
    create_workspace(tmp_path / "empty", name="新区")
    with served(tmp_path / "empty", log=tmp_path / "log") as empty:
        page = open_tab(f"{empty}/inventory")
        for name, title in (("inventory", "清单"), ("point", "点位"), ("overview", "总览")):
            if name != "inventory":
                page.get_by_role("link", name=title).click()
            page.get_by_text("台账还是空的").wait_for()
            page.get_by_text("这里将").wait_for()
        page.get_by_role("link", name="去导入").click()
        page.get_by_text("先核对，再写入").wait_for()
        visible = page.locator("[data-testid=stFileUploader]").inner_text()
        assert "选择文件" in page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--rm-upload')"
        )
        assert "Drag" not in visible
        page.goto("about:blank")  # the tab must not look for a server that has left


def test_a_report_is_uploaded_marked_and_nothing_of_it_runs(open_tab, address, tmp_path):
    report = docx.Document()
    report.add_paragraph("全区老旧点42,336个，其中重大0个、较大8个、一般2,876个、低风险39,404个。")
    for name in HOSTILE:
        report.add_paragraph(name)
    report.save(str(tmp_path / "年度总结.docx"))
    page = open_tab(f"{address}/checking")
    page.locator("input[type=file]").set_input_files(tmp_path / "年度总结.docx")
    page.get_by_text("年度总结.docx").first.wait_for()
    page.get_by_role("button", name="核对", exact=True).click()
    page.get_by_text("0 + 8 + 2,876 + 39,404 = 42,288，文中 42,336，少 48").wait_for()
    assert page.locator(".rm-said mark").inner_text().startswith("全区老旧点42,336个")
    assert set(HOSTILE) <= set(page.locator(".rm-said p").all_inner_texts())
