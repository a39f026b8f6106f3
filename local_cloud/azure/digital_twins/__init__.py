"""A stand-in for Azure Digital Twins: the part of its data plane, version 2023-10-31, that keeps models,
twins and relationships and finds twins by their model.

It refuses what the service's specification and documentation say is refused, and everything that it does not
know. What they leave open (which ids, how long a page, whether a query may name a model that is not there) it
takes the strict way.
"""
