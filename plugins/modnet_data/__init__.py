"""The built-in data sources, a folder for each family of files."""

from modnet import DataSource, Register, hookimpl
from modnet_data.arrays.idx import Idx
from modnet_data.arrays.npy import Npy
from modnet_data.arrays.npz import Npz
from modnet_data.csv.source import Csv
from modnet_data.mnist import Mnist
from modnet_data.mnist_small import MnistSmall
from modnet_data.parquet.source import Parquet
from modnet_data.pickle.source import Pickle


@hookimpl
def register_data_sources(register: Register[DataSource]) -> None:
    """Register the built-in data sources."""
    register(Csv)
    register(Idx)
    register(Mnist)
    register(MnistSmall)
    register(Npy)
    register(Npz)
    register(Parquet)
    register(Pickle)
