"""From the start of a container to running programs, and to its end."""
