"""A round's training, from committed rollouts to an update: a node does it, and a verifier does it again."""
