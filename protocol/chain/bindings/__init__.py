"""Typed access to the contracts; generated, see tools/bindgen.py."""
