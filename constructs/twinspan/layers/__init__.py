"""The layers of a twin, put together from any cloud's constructs: which functions, queues and secrets
there are, and who may call what. Written once, so a link cannot be wired differently in one cloud.
"""
