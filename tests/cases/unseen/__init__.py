"""Files of the kinds that sub-districts send, made here, each with what a careful clerk expects of it."""
