"""The shop as a REST API; paths are relative to the path where it is mounted."""
