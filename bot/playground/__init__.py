"""The whole service in one process, for transcripts and tests."""
