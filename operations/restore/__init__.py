"""Read older data and load it into the hot store, see docs/restore.md.

`locations` finds the tiers in the stacks' outputs, `catalogues` list their files, `files` selects those of a
range, `reading` retrieves and reads them, and `restoring` writes their rows into the hot store.
"""
