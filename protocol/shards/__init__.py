"""`cupel shards`: files to any number of machines, each block checked, from whoever has it."""
