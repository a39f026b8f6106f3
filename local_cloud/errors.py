"""What stops the local cloud, said to the person at the keyboard."""


class LocalCloudError(Exception):
    """One sentence that names what is wrong and the fix."""


class MissingProgram(LocalCloudError):
    """Something that has to be installed first."""
