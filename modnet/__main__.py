"""`python -m modnet` is `modnet`."""

from modnet.cli.main import main

if __name__ == "__main__":
    main()
