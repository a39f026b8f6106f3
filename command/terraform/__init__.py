"""Runs the operator's Terraform on the stacks of a twin."""
