"""Environments that are installed beside Cupel: run in a process of their own, under limits."""
