"""The semantics of the cluster domain in plain Python, sharing nothing with the rules."""
