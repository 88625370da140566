"""Parts of the trace generator: configuration, laws of jobs and arrivals, what a trace measures."""
