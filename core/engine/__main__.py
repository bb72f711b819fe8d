"""`python -m likeness.core.engine`: the engine's process."""

from .methods import METHODS
from .worker import serve

if __name__ == "__main__":
    serve(METHODS)
