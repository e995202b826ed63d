"""A small workspace before the storm: a few records of every layer in two sub-districts, and what is issued."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import Workspace, create_workspace
from riskmap.rules.permissions import local_actor
from riskmap.values.records import Contact
from tests.ledger_files import WHO, intake

A, B = "桂园街道", "黄贝街道"
CALLED = (Contact("responsible", "李负责", "13900000001", None, "2024-08-01"),)
LEC = {"likelihood": 0.5, "exposure": 6, "consequence": 7}  # low
LAYERS = {
    "risk_points": (
        {"code": "RP1", "subdistrict": A, "lon": 114.11, "lat": 22.55, "wind_kind": "tower_crane", **LEC},
        {"code": "RP2", "subdistrict": B, "lon": 114.14, "lat": 22.55, "wind_kind": "billboard", **LEC},
        {"code": "RP3", "subdistrict": B, "lon": 114.14, "lat": 22.56, "wind_kind": "none", **LEC},
        {"code": "RP4", "subdistrict": B, "wind_kind": "tower_crane", **LEC},
        {"code": "RP5", "subdistrict": A, "lon": 114.11, "lat": 22.56, "wind_kind": "scaffold", "likelihood": 10, "exposure": 6, "consequence": 15},
    ),
    "slopes": (
        {"code": "BP1", "subdistrict": A, "lon": 114.112, "lat": 22.551, "stability": "unstable", "deformation": True},
        {"code": "BP2", "subdistrict": B, "lon": 114.142, "lat": 22.552, "stability": "stable", "deformation": False},
        {"code": "BP3", "lon": 114.125, "lat": 22.553, "stability": "stable", "deformation": False},
    ),
    "waterlogging": ({"code": "NL1", "subdistrict": A, "lon": 114.113, "lat": 22.545, "traffic": "underpass"},),
    "underground_spaces": ({"code": "DX1", "subdistrict": B, "lon": 114.143, "lat": 22.545, "flooded_before": True},),
    "forest_fire_grids": ({"code": "FG1", "subdistrict": B, "lon": 114.145, "lat": 22.57},),
    "shelters": (
        {"code": "BN1", "subdistrict": A, "lon": 114.118, "lat": 22.55, "setting": "indoor", "in_hazard": False, "capacity": 60, "status": "open"},
        {"code": "BN2", "subdistrict": B, "lon": 114.148, "lat": 22.55, "setting": "outdoor", "in_hazard": False, "capacity": 900, "status": "open"},
    ),
}  # fmt: skip


def prepare_workspace(folder: Path) -> Workspace:
    ws = create_workspace(folder, name="测试区")
    for layer, rows in LAYERS.items():
        whole = [
            {"contacts": CALLED if layer == "risk_points" else (), "name": f"点{row['code']}"} | row
            for row in rows
        ]
        ws.ledger.commit_import(ws.ledger.plan_import(intake(whole, layer=layer)), **WHO)
    assess_layers(ws, by=local_actor("测试员"), why="测试")
    return ws


def bulletin(*, shift: float = 0.0, wind: int = 48, year: int = 2024, minutes: tuple[int, ...] = (2,)) -> str:
    """A forecast whose centre passes some 40 km south of the district in the night of 5 September, Beijing time."""
    path = [(19.6, 117.2), (20.6, 116.2), (21.5, 115.2), (22.2, 114.1), (22.7, 113.0), (23.1, 111.9)]
    times = [f"{year}-09-0{5 + (8 + 6 * i) // 24} {(8 + 6 * i) % 24:02d}:00" for i in range(len(path))]
    text = f"# 时区: 北京时\n# 起报时间: {year}-09-05 08:00\n"
    text += (
        "时间,纬度,经度,中心气压(百帕),最大风速(m/s),平均时段(分钟),七级风圈半径,十级风圈半径,12级风圈半径\n"
    )
    for i, (time, (lat, lon)) in enumerate(zip(times, path, strict=True)):
        mean = minutes[i % len(minutes)]
        text += f"{time},{lat + shift:.2f},{lon},945,{wind},{mean},280,120,60\n"
    return text


def rain(
    mm: tuple[float | str, ...] = (0, 5, 30, 40, 40, 25, 0, 0), *, unit: str = "mm", stations: int = 1
) -> str:
    """Hourly rain from 5 September 14:00, Beijing time, at stations in the district."""
    text = f"站号,经度,纬度,时间(北京时间),雨量({unit})\n"
    for j in range(stations):
        for i, value in enumerate(mm):
            text += f"G{j + 1},{114.11 + 0.03 * j:.2f},22.55,2024-09-05 {14 + i}:00,{value}\n"
    return text


def people(*rows: tuple[str, int]) -> str:
    """Households beside the slope BP1."""
    text = "编号,人数,经度,纬度\n"
    for i, (code, number) in enumerate(rows):
        text += f"{code},{number},{114.1121 + 0.00005 * i:.5f},22.5511\n"
    return text


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def moment(text: str) -> np.datetime64:
    return np.datetime64(text, "s")
