"""The built-in data sources, one file each, and what they share."""

from modnet import DataSource, Register, hookimpl
from modnet_data.csv_file import Csv
from modnet_data.idx_file import Idx
from modnet_data.mnist import Mnist
from modnet_data.mnist_small import MnistSmall
from modnet_data.npy_file import Npy
from modnet_data.npz_file import Npz
from modnet_data.parquet_file import Parquet
from modnet_data.pickle_file import Pickle


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
