"""`credenza vault`: the life of the keys."""
