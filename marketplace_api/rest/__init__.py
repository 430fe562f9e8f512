"""The shop as a REST API; paths are relative to where it is mounted."""
