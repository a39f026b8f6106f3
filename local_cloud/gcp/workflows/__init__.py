"""A stand-in for Workflows: the executions API as a process on loopback.

Run by a Python that has the package `workflows-emulator` (1.10.0 of PyPI), it executes definitions, callback
endpoints included, which that lacks and this adds. The package pins libraries that cdktf and the functions
framework want in other versions, and declares no licence: it is optional, and lives in an environment of its
own (see `server`). Without it executions are recorded, and stay ACTIVE.

It asks for no token, knows no connectors that need a cloud, and forgets everything with its process.
"""
