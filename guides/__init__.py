"""The deployment guides, the picker and the parity page: HTML rendered from the topology and the synthesized
stacks. `python -m guides docs` writes them.
"""
