"""Whole stores: moved to another one, written to a backup, and brought back from it, as they are.

Sealed values are carried sealed, so no key is asked for to move or back up; to restore, the key is tried
before anything is touched.
"""
