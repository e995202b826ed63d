"""Risk-point mapping and assessment for a district emergency-management bureau."""

from __future__ import annotations

__version__ = "0.2.0"
