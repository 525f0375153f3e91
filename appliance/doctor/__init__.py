"""What is wrong with this mirror and how to cure it: a module for each family of checks; none changes anything."""
