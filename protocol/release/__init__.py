"""`cupel update`: releases that those whom the operator trusts have signed, taken only when the operator asks."""
