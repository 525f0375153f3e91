"""Repositories of RPM packages, by their own word: repomd.xml, metadata, payload."""
