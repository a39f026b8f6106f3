"""What the commands of an operator share: the stacks' outputs, the ways to the clouds, the command line.

`outputs` says what is deployed, `access` and `reach` get there with the operator's own credentials, and
`arguments` are the options that every command takes. The commands are `replay` and `restore`.
"""
