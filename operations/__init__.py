"""What an operator does with a deployed twin, without a command line: `command/` has that.

`dead_letters` lists, resends and deletes dead letters (docs/dead-letters.md); `restore` reads and loads older
data (docs/restore.md); `erase` deletes the readings of a device (docs/erase.md). All find the clouds'
resources in the stacks' `outputs`, and connect to them with the operator's credentials through `access` and
`reach`.
"""
