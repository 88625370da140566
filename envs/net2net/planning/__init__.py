"""Plans made from the learning-curve model, its fit to recordings, GPUs for several jobs."""
