"""The marketplace as conversations use it, local or over HTTP, and its events."""
