"""The names of the book and of its slides, with their arguments and results."""

from modnet_book.digits import load_mnist
from modnet_book.functions import (
    cross_entropy_error,
    function_1,
    function_2,
    identity_function,
    mean_squared_error,
    relu,
    sigmoid,
    sigmoid_grad,
    softmax,
    step_function,
    sum_squared_error,
)
from modnet_book.gradients import gradient_descent, numerical_diff, numerical_gradient
from modnet_book.network import TwoLayerNet

__all__ = [
    "TwoLayerNet",
    "cross_entropy_error",
    "function_1",
    "function_2",
    "gradient_descent",
    "identity_function",
    "load_mnist",
    "mean_squared_error",
    "numerical_diff",
    "numerical_gradient",
    "relu",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "step_function",
    "sum_squared_error",
]
