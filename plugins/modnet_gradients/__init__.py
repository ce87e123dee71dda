"""The built-in gradient estimators, one file each."""

from modnet import GradientEstimator, Register, hookimpl
from modnet_gradients.backpropagation import Backpropagation
from modnet_gradients.central_difference import CentralDifference
from modnet_gradients.complex_step import ComplexStep
from modnet_gradients.evolution_strategies import EvolutionStrategies
from modnet_gradients.feedback import DirectFeedbackAlignment, FeedbackAlignment
from modnet_gradients.forward_difference import ForwardDifference
from modnet_gradients.forward_gradient import ForwardGradient
from modnet_gradients.nodes import ActivityPerturbation, NodePerturbation
from modnet_gradients.random_coordinates import RandomCoordinates
from modnet_gradients.richardson import Richardson
from modnet_gradients.spsa import Spsa
from modnet_gradients.torch_autograd import TorchAutograd


@hookimpl
def register_gradients(register: Register[GradientEstimator]) -> None:
    """Register the built-in gradient estimators."""
    register(ActivityPerturbation)
    register(Backpropagation)
    register(CentralDifference)
    register(ComplexStep)
    register(DirectFeedbackAlignment)
    register(EvolutionStrategies)
    register(FeedbackAlignment)
    register(ForwardDifference)
    register(ForwardGradient)
    register(NodePerturbation)
    register(RandomCoordinates)
    register(Richardson)
    register(Spsa)
    register(TorchAutograd)
