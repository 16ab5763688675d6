"""The liars: one strategy per attack, each to be run as a real process and to be caught."""
