"""Google Cloud on one machine: local servers in its place, configured from an evaluated stack."""
