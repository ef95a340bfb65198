"""Credenza: a secrets-aware configuration store for connectors."""

__version__ = "0.1.0"
