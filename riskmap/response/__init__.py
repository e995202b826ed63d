"""What a hazard asks for: triggers, levels, call-outs, evacuation."""
