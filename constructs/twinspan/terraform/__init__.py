"""One Terraform stack: its resources' addresses, the place of its state, and how its JSON is read."""
