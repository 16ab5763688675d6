"""Content-addressed weights and files: addresses, the shape of a file's DAG, and the manifest of a version."""
