"""Named as the package's compiled modules are: ndd, poly, utils."""
