"""Benchmarks: ratios within one run, never seconds, since machines are shared and noisy."""
