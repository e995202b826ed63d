"""How long it takes to check the numbers of a report, by the paragraph."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Line, spent
from riskmap.reports.checking import check
from riskmap.values.report_check import Passage

LIMIT_MS = 1.0
PARAGRAPHS = (
    "截至11月底，全区共排查登记风险点42,336个，其中重大风险0个、较大风险8个、一般风险2,876个、低风险39,404个，未评级48个；挂牌督办重大隐患15处，已销号12处，其余3处正在整治。",
    "全年开展执法检查1,286家次，发现问题隐患3,940项，已整改3,902项，整改率99.04%；立案115宗，罚款487.57万元，同比增长3.2%。",
    "全年事故起数由2023年的26起下降到2024年的18起，降幅30.8%；火灾37起，同比减少8起，下降17.8%；死亡19人，去年同期22人，下降13.6%。",
    "一是压实责任。坚持党政同责、一岗双责，召开专题会议二十一次，印发《年度工作要点》，完善“1+25+10”实施方案，推进落实。",
    "应急物资储备点169个，由区级13个、街道级24个、社区级125个和企业级7个组成；应急队伍209支、12,647人，其中专业43支、社会166支。",
)
TIMES = 200


def checking(_home: Path, _: int) -> list[Line]:
    """Check a long report, some of whose paragraphs hold a dozen numbers and some none."""
    report = [Passage(text, i) for i, text in enumerate(PARAGRAPHS * TIMES, 1)]
    took = spent(lambda: check(report), runs=5)
    figure = 1000 * min(took.walls) / len(report)
    return [
        Line(f"a paragraph of a report checked, {len(report):,} of them", figure, "ms", LIMIT_MS, str(took))
    ]
