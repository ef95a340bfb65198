"""Stores, one room each, opened by URI scheme (entry point group `credenza.stores`)."""
