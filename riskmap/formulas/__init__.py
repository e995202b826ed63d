"""Pure science on arrays, one module per field, each formula with its source and a worked value.

Every function takes float64 arrays (or scalars) and returns arrays; NaN is unknown and what
depends on an unknown is unknown.
"""
