"""What `twinspan status` says: facts of the stacks, depths of queues, newest readings. Each part that fails
says why in one sentence, and hides no other.
"""
