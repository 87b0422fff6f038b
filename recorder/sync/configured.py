"""The store that the config names, opened."""

from pathlib import Path

from recorder.clock import Clock
from recorder.config import Settings
from recorder.sync.stores import Store, StoreError
from recorder.sync.stores.directory import DirectoryStore


def open_configured(settings: Settings, owner: str, *, clock: Clock) -> Store:
    """The store of the config. Raises StoreError, RecorderError where it cannot be used."""
    if settings.bucket:
        from recorder.sync.stores.s3 import S3Store  # its library is large, a folder needs none

        return S3Store(settings, clock)
    return open_directory(settings, owner)


def open_directory(settings: Settings, owner: str) -> Store:
    """The mounted folder of the config. StoreError where it is gone or no store."""
    try:
        return DirectoryStore(Path(settings.sync.store), settings.device.name, owner)
    except StoreError as error:
        error.where = f"key sync.store: {error.where}"
        raise
