"""One function for each thing a person does: the only place that joins the stages."""
