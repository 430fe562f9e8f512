"""Benchmarks, which report ratios within one run, since times depend on the machine and its load."""
