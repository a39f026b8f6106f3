"""Twinspan: Terraform for IoT digital twins whose layers live in different clouds."""
