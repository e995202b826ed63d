"""Risk-point mapping and assessment for a district emergency-management bureau."""

__version__ = "0.2.0"
