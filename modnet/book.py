"""The names of the book and of its slides, of the package `modnet_book`."""

from modnet_book import TwoLayerNet as TwoLayerNet
from modnet_book import cross_entropy_error as cross_entropy_error
from modnet_book import function_1 as function_1
from modnet_book import function_2 as function_2
from modnet_book import gradient_descent as gradient_descent
from modnet_book import identity_function as identity_function
from modnet_book import load_mnist as load_mnist
from modnet_book import mean_squared_error as mean_squared_error
from modnet_book import numerical_diff as numerical_diff
from modnet_book import numerical_gradient as numerical_gradient
from modnet_book import relu as relu
from modnet_book import sigmoid as sigmoid
from modnet_book import sigmoid_grad as sigmoid_grad
from modnet_book import softmax as softmax
from modnet_book import step_function as step_function
from modnet_book import sum_squared_error as sum_squared_error

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
