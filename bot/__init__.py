"""The service around the dialogues and the marketplace: HTTP, providers, jobs and commands."""

import gc

# A process allocates 400,000 objects while it starts, and keeps nearly all of them. With Python's own threshold of 700
# it would look for garbage among them 500 times, which takes a sixth of the start; without any it would keep 2 MB more.
gc.set_threshold(50_000, 10, 10)
