"""Risk-point mapping and assessment for a district emergency-management bureau."""
