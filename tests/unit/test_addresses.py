"""A place is found by what the ledger says of addresses, names and communities, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap.coordinates import metres
from riskmap.rules.addresses import Gazetteer


def gazetteer(*rows: tuple[str | None, str | None, str | None, float, float]) -> Gazetteer:
    """Return what records (name, address, community, lon, lat) say."""
    made = Gazetteer()
    names, addresses, communities, lon, lat = zip(*rows, strict=True)
    made.add(names, addresses, communities, np.array(lon), np.array(lat))
    return made


KNOWN = gazetteer(
    ("罗湖体育馆", "深圳市罗湖区体育路12号", "翠竹社区", 114.1300, 22.5600),
    ("翠竹北泵站", "翠竹北路88号", "翠竹社区", 114.1320, 22.5620),
    ("水库排洪口", "爱国路2001号", "翠竹社区", 114.1340, 22.5610),
    ("没有位置的点", "无名路1号", "东门社区", np.nan, np.nan),
    ("人民公园", "人民路1号", None, 114.1200, 22.5500),
    ("人民公园", "人民路900号", None, 114.1900, 22.5900),
)


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("体育路12号", (114.13, 22.56)),
        ("广东省深圳市罗湖区体育路 12号", (114.13, 22.56)),
        ("体育路１２号2栋", (114.13, 22.56)),
        ("罗湖体育馆东侧", (114.13, 22.56)),
        ("翠竹北路88号院内", (114.132, 22.562)),
    ],
)
def test_an_address_is_found_by_itself_its_number_or_a_place_that_it_names(address, where):
    found = KNOWN.find(address)
    assert found is not None
    assert (found.lon, found.lat) == pytest.approx(where)
    assert found.within == 50
    assert found.ground.zh


@pytest.mark.parametrize("address", ["无名路1号", "体育路13号", "人民公园北门", "", None, "东门社区", "泵站"])
def test_what_the_ledger_does_not_know_or_knows_twice_apart_is_not_found(address):
    assert KNOWN.find(address) is None


@pytest.mark.parametrize(("address", "community"), [(None, "翠竹社区"), ("翠竹社区老围", None)])
def test_a_community_says_about_where_and_how_wide(address, community):
    found = KNOWN.find(address, community)
    assert found is not None
    x, y = metres([found.lon, 114.13, 114.134], [found.lat, 22.56, 22.561], around=114.0)
    assert found.within == pytest.approx(np.hypot(x[1:] - x[0], y[1:] - y[0]).max(), rel=0.15)
    assert "3 个点" in found.ground.zh
