"""The words of the surfaces beyond the bulk save, and what their verbs come to: papers -> changes. Pure."""
