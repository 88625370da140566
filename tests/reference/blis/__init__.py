"""The blis simulator in plain Python, written from the specification to check the kernels."""
