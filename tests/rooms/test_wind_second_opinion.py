"""`riskmap wind` on the real Mangkhut against the formulas written out in plain numbers.

Nothing of the product's wind is used here: a loop over points in a loop over nodes, double precision, from Holland
(1980), Holland (2008) and Holland, Belanger and Fritz (2010). The nodes go to the command as a table.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from dataclasses import dataclass
from itertools import pairwise
from math import cos, e, exp, hypot, log, radians, sin, sqrt
from pathlib import Path

import pytest

from tests.cli import riskmap

DEGREE = 111.12  # km
KNOT = 1852 / 3600  # m/s
DENSITY = 1.15  # kg/m³
OMEGA = 7.29e-5  # rad/s
REACH = 300.0  # km
STEP = dt.timedelta(minutes=30)


@dataclass
class Node:
    time: dt.datetime
    lat: float
    lon: float
    wind: float  # m/s
    pressure: float  # hPa at the centre
    around: float  # hPa
    radius: float  # km, of the maximum wind
    east: float = 0.0  # m/s, motion
    north: float = 0.0
    tendency: float = 0.0  # hPa/h, of the pressure at the centre


def radius_of(pressure: float) -> float:
    """The radius of maximum wind, km, that goes with a pressure: straight lines through four pairs."""
    pairs = [(872.0, 14.907), (940.0, 15.727), (980.0, 25.742), (1021.0, 56.857)]
    for (p0, r0), (p1, r1) in pairwise(pairs):
        if p0 <= pressure <= p1:
            return 1.852 * (r0 + (r1 - r0) * (pressure - p0) / (p1 - p0))
    raise ValueError(pressure)


def half_hours(path: Path) -> list[Node]:
    """The best track between its first and last stated wind, every half hour on straight lines."""
    six: list[tuple[dt.datetime, float, float, float, float]] = []
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        time, _, _, lat, lon, pressure, knots = line.split()[:7]
        if int(knots):
            at = dt.datetime.strptime("20" + time, "%Y%m%d%H").replace(tzinfo=dt.UTC)
            six.append((at, int(lat) / 10, int(lon) / 10, int(pressure), int(knots) * KNOT))
    nodes: list[Node] = []
    for (t0, *before), (t1, *after) in pairwise(six):
        steps = (t1 - t0) // STEP
        for k in range(steps):
            lat, lon, pressure, wind = (a + (b - a) * k / steps for a, b in zip(before, after, strict=True))
            nodes.append(Node(t0 + k * STEP, lat, lon, wind, pressure, 1005.0, radius_of(pressure)))
    at, lat, lon, pressure, wind = six[-1]
    nodes.append(Node(at, lat, lon, wind, pressure, 1005.0, radius_of(pressure)))
    for before, node in pairwise(nodes):
        hours = (node.time - before.time) / dt.timedelta(hours=1)
        east = (node.lon - before.lon) * cos(radians(before.lat)) * DEGREE / hours / 3.6
        north = (node.lat - before.lat) * DEGREE / hours / 3.6
        slower = min(1.0, 30 * KNOT / hypot(east, north)) if east or north else 1.0
        node.east, node.north = east * slower, north * slower
        node.tendency = (node.pressure - before.pressure) / hours
    return nodes


def holland(node: Node, r: float, b: float) -> float:
    """Wind, m/s, of Holland's profile at r km."""
    drop, turning = (
        (node.around - node.pressure) * 100,
        r * 1000 * 2 * OMEGA * sin(radians(abs(node.lat))) / 2,
    )
    power = (node.radius / r) ** b
    return sqrt(b / DENSITY * power * drop * exp(-power) + turning**2) - turning


def b_2008(node: Node) -> float:
    drop, vt = node.around - node.pressure, hypot(node.east, node.north)
    x = 0.6 * (1 - drop / 215)
    b = -4.4e-5 * drop**2 + 0.01 * drop + 0.03 * node.tendency - 0.014 * abs(node.lat) + 0.15 * vt**x + 1
    return min(max(b, 0.81), 2.025)


def round_the_centre(node: Node, r: float, model: str) -> float:
    """Wind, m/s, that turns round the centre, without the motion."""
    drop, vt = (node.around - node.pressure) * 100, hypot(node.east, node.north)
    moving = vt * min(1.0, node.radius / r)
    if model == "holland1980":  # the maximum wind less the motion, up to the gradient and back to the surface
        b = (max(node.wind - vt, 0) / 0.9) ** 2 * e * DENSITY / drop
        return 0.9 * holland(node, r, min(max(b, 1.0), 2.5))
    b = b_2008(node)
    if model == "holland2008":  # a wind from pressure holds the motion already
        return holland(node, r, b) - moving
    strongest = sqrt(b / (DENSITY * e) * drop)
    share = (node.radius / REACH) ** b
    outermost = log(17.0 / strongest) / (log(share) + 1 - share)
    x = 0.5 if r <= node.radius else 0.5 + (r - node.radius) * (outermost - 0.5) / (REACH - node.radius)
    power = (node.radius / r) ** b
    return strongest * (power * exp(1 - power)) ** max(x, 0.4) - moving


def wind(node: Node, lon: float, lat: float, model: str) -> float:
    """Wind, m/s, of one node at one place; 0 out of its reach."""
    x, y = (lon - node.lon) * cos(radians(node.lat)) * DEGREE, (lat - node.lat) * DEGREE
    r = hypot(x, y)
    if r > REACH:
        return 0.0
    turning, share = round_the_centre(node, r, model), min(1.0, node.radius / r)
    return hypot(-turning * y / r + share * node.east, turning * x / r + share * node.north)


def places() -> list[tuple[float, float]]:
    """Twenty: in the district, along the track on either side of it, and two that it never reaches."""
    draw = random.Random(2018)
    district = [(draw.uniform(113.8, 114.6), draw.uniform(22.4, 22.9)) for _ in range(9)]
    degrees = [draw.uniform(108, 130) for _ in range(8)]
    along = [(lon, 14 + 0.45 * (130 - lon) + draw.uniform(-2, 2)) for lon in degrees]
    return [*district, *along, (113.9, 21.6), (100.0, 40.0), (114.0, -10.0)]


@pytest.fixture(scope="module")
def nodes(test_data: Path) -> list[Node]:
    return half_hours(test_data / "tracks" / "mangkhut_2018_jma.txt")


@pytest.fixture(scope="module")
def files(nodes: list[Node], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("wind")
    track, points = folder / "nodes.csv", folder / "points.csv"
    with track.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                "time",
                "lat",
                "lon",
                "max_wind_ms",
                "central_pressure_hpa",
                "environmental_pressure_hpa",
                "radius_max_wind_km",
            ]
        )
        for n in nodes:
            time = n.time.isoformat().replace("+00:00", "Z")
            table.writerow([time, n.lat, n.lon, n.wind, n.pressure, n.around, n.radius])
    with points.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "lon", "lat"])
        table.writerows([i, *place] for i, place in enumerate(places()))
    return track, points


@pytest.mark.parametrize("model", ["holland1980", "holland2008", "holland2010"])
def test_every_wind_of_mangkhut_is_what_the_formulas_written_out_give(
    nodes: list[Node], files: tuple[Path, Path], model: str
):
    done = riskmap("wind", "--track", files[0], "--points", files[1], "--model", model, "--json")
    assert done.status == 0, done.err
    assert (len(nodes), len(done.json["points"])) == (len({n.time for n in nodes}), 20)
    reached = 0
    for found in done.json["points"]:
        winds = {
            n.time.isoformat().replace("+00:00", "Z"): wind(n, found["lon"], found["lat"], model)
            for n in nodes
        }
        assert found["max_wind_ms"] == pytest.approx(max(winds.values()), abs=1e-3)
        if found["max_wind_at"] is None:
            assert max(winds.values()) == 0
            continue
        reached += 1
        assert winds[found["max_wind_at"]] == pytest.approx(max(winds.values()), abs=1e-3)
    assert reached == 18


def test_the_second_opinion_itself_gives_the_worked_example():
    still = Node(dt.datetime(2018, 9, 16, tzinfo=dt.UTC), 22, 114, 50, 940, 1005, 40)
    found = [holland(still, r, 1.5) for r in (40, 80, 120, 200, 300)]
    assert found == pytest.approx([54.766, 43.746, 33.557, 21.432, 13.262], abs=5e-4)
    assert round_the_centre(still, 40, "holland2010") == pytest.approx(
        sqrt(b_2008(still) / (DENSITY * e) * 6500)
    )
    assert round_the_centre(still, 300, "holland2010") == pytest.approx(17)
