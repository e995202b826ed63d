"""Pure science on arrays, one module per field, each formula with its source and a worked value.

Every function takes float64 arrays (or scalars) and returns arrays; NaN is unknown and what
depends on an unknown is unknown. Its docstring states the unit of everything that goes in and comes
out. `FORMULAS` are those that a model file may name: each with its title, the unit of its result
and of every parameter, and its source.

>>> float(formulas.scs_runoff(rain=100, curve_number=75).round(3))
41.137
>>> runoff = formulas.FORMULAS["scs_runoff"]
>>> runoff.unit, runoff.parameters["rain"].unit, runoff.source
('mm', 'mm', 'USDA NEH 630, chapter 10')
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "registry": "FORMULAS",
    "work_risk": "lec mes mes_level quantity_ratio people_factor hazard_source_r hazard_source_level "
    "accident_class geological_danger_class geological_disaster_class prevalence_corrected",
    "slope": "infinite_slope_safety sinmap_wetness sinmap_safety sinmap_class stability_state "
    "threshold_intensity antecedent_index slope_alert",
    "water": "scs_runoff depression_balance cone_depth topographic_wetness depth_class opening_margin pump_counts",
    "shelter": "capacity two_step_catchment",
    "fire_weather": "htz htz_level next_day fine_fuel_moisture duff_moisture drought initial_spread buildup "
    "fire_weather_index grid_risk",
    "wind": "gradient_wind holland2010_wind b_1980 b_2008 wind_2008 averaging_factor gust beaufort cyclone_rain",
    "composite": "min_max percentile_rank geometric_mean inverted_geometric_mean closeness rank_stability "
    "ahp_weights entropy_weights topsis",
}

NAMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}
"""Each public name and the module it lives in, which is loaded when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module 'riskmap.formulas' has no attribute {name!r}")
    return getattr(import_module(f"riskmap.formulas.{NAMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
