"""Bodycam recorder: records an enforcement act the way the township's rule asks."""

__version__ = "0.1.0"
