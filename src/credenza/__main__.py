"""`python -m credenza` is `credenza`."""

from credenza.cli import main

if __name__ == "__main__":
    main()
