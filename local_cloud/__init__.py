"""A twin on one machine, without a cloud account: local servers in the clouds' place, configured from the
synthesized stacks. For demonstration and tests; never deployed.
"""
