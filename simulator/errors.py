"""What stops the simulator, or a message, said in one sentence that names the fix where there is one."""


class SimulatorError(Exception):
    """Wrong arguments, a wrong file, or a broker that lets no device in."""


class NotConnected(SimulatorError):
    """The broker did not let a device in."""


class NotAcknowledged(SimulatorError):
    """The broker refused a message, or did not say in time that it has it: it may have it all the same."""
