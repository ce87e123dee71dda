"""The built-in callbacks, one file each."""

from modnet import Callback, Register, hookimpl
from modnet_callbacks.early_stopping import EarlyStopping
from modnet_callbacks.time_limit import TimeLimit


@hookimpl
def register_callbacks(register: Register[Callback]) -> None:
    """Register the built-in callbacks."""
    register(EarlyStopping)
    register(TimeLimit)
