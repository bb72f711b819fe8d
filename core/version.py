"""The version of Likeness: the one that the package, the Avatar files and the engine's handshake carry."""

VERSION = "0.1.0"
