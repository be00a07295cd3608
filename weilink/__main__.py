"""`python -m weilink` is the `weilink` command."""

from weilink.cli import main

if __name__ == "__main__":
    main()
