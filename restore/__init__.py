"""Brings older data back: `python -m restore`, see docs/restore.md.

`places` says where the tiers are, from the stacks' outputs; `catalogues` list their files, each with
the class that it is in; `files` chooses those that hold what is asked for, `reading` thaws and reads them,
`bringing` puts their rows back into the hot store.
"""
