"""Estimators that put noise on the outputs of layers."""

from modnet_gradients.nodes.activity_perturbation import ActivityPerturbation
from modnet_gradients.nodes.node_perturbation import NodePerturbation

__all__ = ["ActivityPerturbation", "NodePerturbation"]
