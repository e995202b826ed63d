"""A demo workspace with every file that the documents' examples name, as somebody of the district would have them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio

from tests.analyst_desk import SLOPES, analyst_desk
from tests.prepare_workspace import bulletin, rain

CENTRE = (114.11, 22.55)


def district_desk(folder: Path) -> Path:
    """Make the desk; return its workspace, where the commands run."""
    home = analyst_desk(folder) / "data" / "demo"
    shutil.copyfile(SLOPES, home / "边坡台账.xls")
    shutil.copyfile(home / "data" / "dem.tif", home / "dem.tif")
    shutil.copyfile(home / "data" / "people.csv", home / "人口.csv")
    boundaries = home / "data" / "boundaries"
    shutil.copyfile(boundaries / "subdistricts.geojson", home / "街道.geojson")
    shutil.copyfile(boundaries / "district.geojson", home / "林区.geojson")
    with rasterio.open(home / "dem.tif") as dem, rasterio.open(home / "林火.tif", "w", **dem.profile) as out:
        out.write(np.full(dem.shape, 2, dem.dtypes[0]), 1)
    texts = {
        "路径.csv": bulletin(),
        "成员1.csv": bulletin(shift=0.1),
        "成员2.csv": bulletin(shift=-0.1, wind=40),
        "雨量.csv": rain(stations=3),
        "点.csv": "id,lon,lat\nA,114.11,22.55\nB,114.2,22.6\n",
        "预警.csv": "预警种类,颜色,街道,发布时间(北京时间),失效时间\n暴雨,橙色,演示禾岗街道,2024-09-05 09:00,2024-09-06 09:00\n",
        "天气.csv": "month,day,temp,rh,ws,prec\n" + "".join(f"9,{d},31,45,18,0\n" for d in range(1, 8)),
        "危险区.csv": f"编号,经度,纬度,半径\nD1,{CENTRE[0]},{CENTRE[1]},400\n",
        "样本.csv": samples(),
        "道路.geojson": json.dumps(roads()),
    }
    for name, text in texts.items():
        (home / name).write_text(text, encoding="utf-8")
    pq.write_table(points(), home / "点表.parquet")
    return home


def samples(count: int = 120) -> str:
    """Slides where it is steep, in EPSG:4547, metres."""
    draw = np.random.default_rng(3)
    east, north = draw.uniform(500_000, 506_000, count), draw.uniform(2_490_000, 2_496_000, count)
    slope, rock = draw.uniform(2, 45, count), draw.integers(1, 4, count)
    slid = draw.uniform(size=count) < 1 / (1 + np.exp(-(slope - 25) / 4))
    lines = [
        f"{e:.1f},{n:.1f},{s:.2f},{r},{'是' if y else '否'}"
        for e, n, s, r, y in zip(east, north, slope, rock, slid, strict=True)
    ]
    return "\n".join(["东坐标,北坐标,坡度,岩性,是否滑坡", *lines]) + "\n"


def points(count: int = 60) -> pa.Table:
    draw = np.random.default_rng(5)
    return pa.table(
        {
            "lon": CENTRE[0] + draw.uniform(-0.02, 0.02, count),
            "lat": CENTRE[1] + draw.uniform(-0.02, 0.02, count),
            "likelihood": draw.choice([1.0, 3.0, 6.0], count),
            "exposure": draw.choice([2.0, 6.0, 10.0], count),
            "consequence": draw.choice([3.0, 7.0, 15.0, 40.0], count),
        }
    )


def roads() -> dict[str, object]:
    """A lattice of streets over the district, its crossings shared."""
    east, north = np.linspace(114.0, 114.22, 45), np.linspace(22.48, 22.62, 29)
    lines = [[[x, float(y)] for x in map(float, east)] for y in north]
    lines += [[[float(x), y] for y in map(float, north)] for x in east]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": line}}
        for line in lines
    ]
    return {"type": "FeatureCollection", "features": features}
