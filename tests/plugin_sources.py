"""Third-party plugins, as text to install."""

CUBE = """
import modnet

class {name}(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a**3

@modnet.hookimpl
def register_activations(register):
    register({name})
"""
