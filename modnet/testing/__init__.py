"""For those who write plugins: all that a part owes its users, checked on a ready part."""

from modnet.testing.activations import check_activation
from modnet.testing.losses import check_loss
from modnet.testing.report import Outcome, Report

__all__ = ["Outcome", "Report", "check_activation", "check_loss"]
