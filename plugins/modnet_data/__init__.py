"""The built-in data sources, a folder for each family of files."""

from modnet import DataSource, Register, hookimpl
from modnet_data.arrays.idx import Idx
from modnet_data.arrays.npy import Npy
from modnet_data.arrays.npz import Npz
from modnet_data.csv.source import Csv
from modnet_data.frame.source import Frame
from modnet_data.mnist import Mnist
from modnet_data.mnist_small import MnistSmall
from modnet_data.parquet.source import Parquet
from modnet_data.pickle.source import Pickle
from modnet_data.toy.circles import Circles
from modnet_data.toy.iris import Iris
from modnet_data.toy.moons import Moons
from modnet_data.toy.spiral import Spiral
from modnet_data.toy.wine import Wine
from modnet_data.toy.xor import Xor


@hookimpl
def register_data_sources(register: Register[DataSource]) -> None:
    """Register the built-in data sources."""
    sources: list[type[DataSource]] = [Csv, Frame, Idx, Npy, Npz, Parquet, Pickle]
    by_name: list[type[DataSource]] = [Circles, Iris, Mnist, MnistSmall, Moons, Spiral, Wine, Xor]
    for source in (*sources, *by_name):
        register(source)
