"""What is done before and during a storm: scenarios, call-outs, messages, evacuation, fire weather."""
