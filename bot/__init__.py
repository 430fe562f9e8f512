"""The service around the dialogues and the marketplace: HTTP, providers, jobs and commands."""
