"""Programs that an operator runs against a deployed twin: `python -m operations`.

`dead_letters` lists and resends dead letters (docs/dead-letters.md); `restore` reads and loads older data
(docs/restore.md). Both find the clouds' resources in the stacks' `outputs`, and connect to them with the
operator's credentials through `access` and `reach`.
"""
