"""What the functions framework loads: the entry point of the role that TWIN_ROLE names."""

from importlib import import_module

from twin_gcp.settings import role

handle = import_module(f"twin_gcp.{role()}").handle
