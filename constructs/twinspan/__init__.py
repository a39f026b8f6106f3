"""Twinspan: Terraform for IoT digital twins whose layers live in different clouds."""

__version__ = "0.3.0"
