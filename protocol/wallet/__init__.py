"""Keystore files: made, taken in, listed and tried out."""
