"""Packages: sets of connectors that are authored once, published in versions, and installed elsewhere.

references     ${variables.name} in the texts of a manifest
variables      what an installer fills in, and which of it is secret
manifest       the members of a package, as they are sent and kept
checking       a manifest against the types of its members
packages       a package as its paper holds it, and what is done to one
versions       what is published, and how two versions differ
rendering      members with their variables filled in
selection      which members an install takes, in what order
installs       an install as its paper holds it, and what installing comes to
merging        what an upgrade makes of one member: old version, new version, and what was changed since
upgrades       from one version to another
returns        going back, removing, letting go of members
visible        which packages and versions a workspace sees
"""
