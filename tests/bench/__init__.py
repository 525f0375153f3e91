"""Comparisons of mirrors: several do the same side by side in one run, and a table says how each did.

No tests: they assert nothing about speed, and take minutes. `python -m tests.bench NAME`, or the Makefile's bench-NAME.
"""
