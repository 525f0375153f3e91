"""One run of one archive: the way of one change, step by step."""
