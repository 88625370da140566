"""Parts of the trace generator: rate curves, arrival processes, what a trace measures."""
