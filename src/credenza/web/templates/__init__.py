"""The surface of templates, instances and setup sessions: their calls, at paths of their own."""
