import modnet


class Softsign(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a / (1 + abs(a))


@modnet.hookimpl
def register_activations(register):
    register(Softsign)
