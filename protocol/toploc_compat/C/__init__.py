"""The places where the package keeps its compiled modules."""
