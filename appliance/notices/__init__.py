"""Who runs the mirror is told when its state changes, once: what is wrong, why, and that it is well again."""
