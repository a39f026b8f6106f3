"""List, resend and delete the dead letters of a twin, see docs/dead-letters.md.

`locations` finds the dead letters in the stacks' outputs, `sources` receives them from each cloud's service,
`forms` parses them, and `targets` sends their content to the input of the hop that failed.
"""
