"""The world around the product: mirrors that run Debian's own `ftpsync` package, and ours beside them.

`image/` is the peer; `World` is a network with mirrors of both kinds; `sample` makes the archives that travel in it.
The scripts of the peer are used as they come, as black boxes.
"""

from tests.stock.gate import Gate
from tests.stock.keys import Keys
from tests.stock.mirror import Mirror
from tests.stock.ours import Ours, variables
from tests.stock.peer import Stock
from tests.stock.recorder import Record, Recorder
from tests.stock.sample import Sample
from tests.stock.world import FILES, World

__all__ = ["FILES", "Gate", "Keys", "Mirror", "Ours", "Record", "Recorder", "Sample", "Stock", "World", "variables"]
