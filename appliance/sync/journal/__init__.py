"""What changed, publication by publication: recorded for those below us, and read from those above."""
