"""Every drift that the tests know."""

from pathlib import Path

from e2e.drift import Drift
from e2e.drifts_of_engine import drifts_of_packages, drifts_of_the_engine, drifts_of_units
from e2e.drifts_of_lab import (
    drifts_of_a_path,
    drifts_of_a_service,
    drifts_of_accounts,
    drifts_of_directories,
    drifts_of_images,
    drifts_of_the_stack,
)
from e2e.managed import managed, services


def all_drifts(data_root: Path) -> list[Drift]:
    """List them, for a lab with this data root."""
    return [
        *(drift for one in managed(data_root) for drift in drifts_of_a_path(one, data_root)),
        *drifts_of_directories(data_root),
        *(drift for service in services() for drift in drifts_of_a_service(service)),
        *drifts_of_the_stack(data_root),
        *drifts_of_images(),
        *drifts_of_the_engine(),
        *drifts_of_units(),
        *drifts_of_packages(),
        *drifts_of_accounts(),
    ]
