"""Parts of the graph generator: tiled algebra, structures with costs, workflows, streams."""
