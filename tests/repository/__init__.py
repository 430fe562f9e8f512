"""Tests of the repository as a whole: its architecture, documents and scripts."""
