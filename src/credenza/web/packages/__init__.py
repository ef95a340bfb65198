"""The surface of packages: `/api/integrations` with ids and object bodies, installs, and their members.

queries       filters, orders and cursors of lists
asking        how its calls reach papers, and whom they act for
shapes        packages, their versions and members as answers show them
install_shapes  installs, what becomes of them, and their members
packages      making, changing and listing packages
publishing    versions, what differs between them, and the members an install would have
sharing       who sees a package: visibility, grants, review
installs      installing, upgrading, going back, removing
"""
