"""`python -m modnet` is `modnet`."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109
        del sys.path[0]  # from here on, nothing in the current folder is imported unasked
    from modnet_start import main

    main()
