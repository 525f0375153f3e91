"""Every archive has its lane: requests wait there, become runs, and are answered."""
