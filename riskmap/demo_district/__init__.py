"""A made-up district (演示区) to try riskmap on: boundaries, terrain and the records of six layers.

Everything in it is fictional and marked 演示数据 demo data.
"""

from __future__ import annotations

from riskmap.demo_district.district import DemoDistrict, make_demo
from riskmap.demo_district.files import write_boundaries
from riskmap.demo_district.superior_form import write_superior_form

__all__ = [
    "DemoDistrict",
    "make_demo",
    "write_boundaries",
    "write_superior_form",
]
