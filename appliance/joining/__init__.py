"""How a mirror joins a tree: one token goes down, one line comes back, and both ends know each other."""
