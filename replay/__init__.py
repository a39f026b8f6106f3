"""Lists the dead letters of a twin and sends them back: `python -m replay`, see docs/replay.md.

`places` says where they are, from the stacks' outputs; `sources` takes them from each cloud's service;
`forms` reads what they say; `targets` puts their content where the hop takes it from.
"""
