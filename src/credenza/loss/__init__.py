"""What ends: keys that are lost, with the way back, and workspaces that are shredded."""
