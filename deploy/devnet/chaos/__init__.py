"""Chaos in one process: the real nodes and verifier on a real chain, with simulated time, links and disks that die."""
