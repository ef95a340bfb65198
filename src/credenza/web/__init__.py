"""The HTTP face: one room per surface, and what all of them share."""
