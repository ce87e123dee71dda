"""`python -m modnet` is `modnet`."""

from modnet.cli import main

if __name__ == "__main__":
    main()
