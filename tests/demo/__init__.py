"""Three tiers of mirrors on this machine, to look at and to play with."""
