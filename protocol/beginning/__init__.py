"""A role's folder: key, settings, and what to do next."""
