"""The resources of the API, which are also the `data` of events."""
