"""Whether this machine, its settings and its money are ready for work."""
