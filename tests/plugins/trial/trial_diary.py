"""A plugin of lifecycle hooks, which writes what it sees to the standard output."""

import modnet


@modnet.hookimpl
def run_started(run):
    print(f"diary: {run.iterations} iterations to go")


@modnet.hookimpl
def epoch_ended(run):
    for name, values in run.history.columns.items():
        if values:
            print(f"diary: {run.iteration}: {name} {values[-1]:.4f}")


@modnet.hookimpl
def run_ended(run):
    print(f"diary: {run.status}")
