"""Delete the readings of a device, see docs/erase.md.

`places` finds what holds them in the stacks' outputs. `erasing` deletes rows, has `files` rewritten and
`values` replaced; `begun` is what it notes for the next run. `audit` writes down what was done, `stays` says
what is left, and for how long.
"""
