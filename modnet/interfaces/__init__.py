"""Interfaces of the parts, and of runs and their observers.

An implementation is a final, frozen attrs class whose fields are its settings. It keeps nothing on `self` between
calls and never writes into an array that it was given. Mathematics is best written against the Python array API
standard (`xp = array_namespace(a)`), so that it serves every array library.
"""

from modnet.interfaces.followers import Callback as Callback
from modnet.interfaces.followers import ObservedRun as ObservedRun
from modnet.interfaces.followers import Observer as Observer
from modnet.interfaces.followers import Record as Record
from modnet.interfaces.followers import ScaleRate as ScaleRate
from modnet.interfaces.followers import Stop as Stop
from modnet.interfaces.functions import Activation as Activation
from modnet.interfaces.functions import FusedLoss as FusedLoss
from modnet.interfaces.functions import Loss as Loss
from modnet.interfaces.functions import Metric as Metric
from modnet.interfaces.functions import spread_targets as spread_targets
from modnet.interfaces.layers import DenseLayer as DenseLayer
from modnet.interfaces.layers import Layer as Layer
from modnet.interfaces.layers import Param as Param
from modnet.interfaces.layers import PlacedLayer as PlacedLayer
from modnet.interfaces.learning import GradientEstimator as GradientEstimator
from modnet.interfaces.learning import Objective as Objective
from modnet.interfaces.learning import Optimizer as Optimizer
from modnet.interfaces.learning import RunSchedule as RunSchedule
from modnet.interfaces.learning import Trace as Trace
from modnet.interfaces.part import Part as Part
from modnet.interfaces.part import is_same_name as is_same_name
from modnet.interfaces.part import kebab_case as kebab_case
from modnet.interfaces.part import name_of as name_of
from modnet.interfaces.sources import DataSource as DataSource
from modnet.interfaces.sources import RowsToPredict as RowsToPredict
