"""The domain `dag` in plain Python: slow, readable, apart from the kernels."""
