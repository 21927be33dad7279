"""Decoding on a CPU: numba kernels at the memory's bandwidth."""
