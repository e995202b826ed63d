"""From a hazard to what must be done: fields, triggers, call-out, evacuation. Pure: arrays in, values out."""
