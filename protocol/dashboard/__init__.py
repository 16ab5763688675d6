"""A page on this machine that shows a hub live, and the read-only API behind it."""
