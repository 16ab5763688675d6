"""What the chain says of a task and of each piece of a node's work."""
