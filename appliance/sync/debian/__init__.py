"""Suites of a Debian archive, by their own word: root files, indices, payload."""
