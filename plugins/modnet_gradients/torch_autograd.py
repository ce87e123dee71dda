"""Gradients by torch's automatic differentiation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

import attrs
from array_api_compat import is_torch_array

from modnet import Array, GradientError, GradientEstimator, Grads, NoDerivativeError, Objective, Params, Stream
from modnet_gradients.layered import Link, make_links
from modnet_gradients.nodes.noise import find_shares
from modnet_gradients.steps.stencil import check_floats

ADVICE = "choose backpropagation, which measures a part that has no backward"


@attrs.frozen
class TorchAutograd(GradientEstimator):
    """The gradient of torch's tape: the forward pass is recorded, and differentiated backwards by torch.

    It asks no part for a `backward`, so that it is exact for parts that have none, and tells whether theirs is right.
    Needs a network of torch's arrays (`array="torch"`), or any function that returns a tensor. At a kink it is the
    derivative that torch chooses. A parameter that the tape does not lead to, as one before a part that calculates with
    NumPy or detaches, is an error that names the part, and so is a derivative that is not finite where the loss is.
    Costs about what backpropagation does.
    Paszke et al. (2019), "PyTorch: an imperative style, high-performance deep learning library".

    >>> net = modnet.TwoLayerNet(3, 4, 2, seed=0)
    >>> net.gradient(np.ones((1, 3)), np.array([1]), TorchAutograd())
    Traceback (most recent call last):
    modnet.errors.GradientError: torch-autograd differentiates torch's arrays, W1 is another: choose array="torch"
    """

    array_library: ClassVar[str | None] = "torch"

    def __call__(self, objective: Callable[[Params], Any], params: Params, stream: Stream) -> Grads:  # noqa: ARG002
        """Return the gradient, on the parameters' device; the parameters stay as they are, and none requires one.

        Raises GradientError where a parameter is no tensor, or the tape does not lead to it, and NoDerivativeError
        where a plain function returns no tensor of the tape.
        """
        given: Mapping[str, Any] = params
        for name, value in given.items():
            if not is_torch_array(value):
                what = f"torch-autograd differentiates torch's arrays, {name} is another"
                raise GradientError(f'{what}: choose array="torch"')
        check_floats(params)
        torch = _import_torch()
        with torch.enable_grad():
            tensors = _watch(params)
            try:
                loss = _evaluate(objective, tensors)
                # A part may give a number that is none of the tape's.
                found = torch.autograd.grad(loss, [*tensors.values()], allow_unused=True)
            except RuntimeError as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                raise _explain(objective, params, _shorten(error)) from None
        missing = [name for name, grad in zip(params, found, strict=True) if grad is None]
        if missing:
            raise _explain(objective, params, f"it does not lead to {', '.join(missing)}")
        if torch.isfinite(loss) and not all(bool(torch.isfinite(grad).all()) for grad in found):
            names = [name for name, grad in zip(params, found, strict=True) if not torch.isfinite(grad).all()]
            what = f"the derivative by {names[0]} on torch's tape is not finite, and the loss is"
            raise GradientError(f"torch-autograd: {what}: {ADVICE}")
        return dict(zip(params, found, strict=True))


def _import_torch() -> Any:
    return import_module("torch")


def _watch(arrays: Params) -> dict[str, Any]:
    """Return the same numbers at the beginning of a tape."""
    values: Any = arrays
    return {name: values[name].detach().requires_grad_(True) for name in values}


def _evaluate(objective: Callable[[Params], Any], tensors: Params) -> Any:
    """Return the mean loss as a tensor; raises NoDerivativeError where a plain function returns another value."""
    if isinstance(objective, Objective):
        # Of a copy, as an objective remembers its last forward pass.
        losses = copy.copy(objective).trace(tensors).losses
        return (losses * find_shares(objective)).sum()
    loss = objective(tensors)
    if not is_torch_array(loss) or not loss.requires_grad:
        what = "torch-autograd needs a network's objective, or a function that returns a tensor of torch's tape"
        raise NoDerivativeError(f"{what}: central-difference takes any function")
    return loss


def _explain(objective: Callable[[Params], Any], params: Params, why: str) -> GradientError:
    """Return the error of a tape that breaks off, with the part that breaks it, where it is a network's."""
    if isinstance(objective, Objective) and objective.placed:
        reached = False
        for link in make_links(objective, params):
            if found := _find_break(link, by_inputs=reached):
                part = link.place.layer.activation or link.place.layer
                what = f"{part!r} of {link.place.label} leaves torch's tape ({found})"
                return GradientError(f"torch-autograd: {what}: {ADVICE}")
            reached = reached or bool(link.place.params)
        why = f"the loss {objective.loss_function!r} or the activation before it leaves torch's tape ({why})"
        return GradientError(f"torch-autograd: {why}: {ADVICE}")
    return GradientError(f"torch-autograd: torch's tape breaks off ({why}): choose central-difference")


def _shorten(error: Exception) -> str:
    """Return what torch says in the first place: hints of its own follow."""
    return str(error).partition(": ")[0].partition(". ")[0]


def _find_break(link: Link, *, by_inputs: bool) -> str:
    """Return why a layer cannot be differentiated by its own parameters and inputs, "" where it can be."""
    torch, own = _import_torch(), _watch({param.name: link.own[param.name] for param in link.place.params})
    inputs: Any = link.x
    x = inputs.detach().requires_grad_(by_inputs)
    watched: Sequence[Array] = [*own.values(), *([x] if by_inputs else [])]
    if not watched:
        return ""
    try:
        z: Any = link.place.layer.forward({**link.own, **own}, x, link.mode, link.stream)[0]
        if not z.requires_grad:
            return "its outputs are not on it"
        found = torch.autograd.grad(z.sum(), watched, allow_unused=True)
    except RuntimeError as error:
        return _shorten(error)
    names = [*own, "its inputs"]
    missing = [name for name, grad in zip(names, found, strict=False) if grad is None]
    return f"it does not lead to {', '.join(missing)}" if missing else ""
