"""List prices as data: tables in TOML whose entries say when and where each figure was read.

`table` loads and checks one; `storage` reckons with `storage.toml`, and `events` with `events.toml` by what
`usage.toml` says of a million events.
"""
