"""A chaos scenario: real processes are killed at any moment; nothing acknowledged is lost or done twice."""
