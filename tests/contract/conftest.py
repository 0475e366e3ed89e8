"""The collection as files: roles, their defaults and their argument specs."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parents[1].name for path in ROOT.glob("roles/*/tasks/main.yml"))


@dataclass(frozen=True)
class Role:
    """What a role promises and what it holds."""

    name: str

    @property
    def path(self) -> Path:
        """The role's directory."""
        return ROOT / "roles" / self.name

    @property
    def defaults(self) -> dict:
        """Public variables and what they stand at."""
        return yaml.safe_load((self.path / "defaults/main.yml").read_text())

    @property
    def specs(self) -> dict:
        """Argument specs by entry point."""
        return yaml.safe_load((self.path / "meta/argument_specs.yml").read_text())["argument_specs"]

    def texts(self, *folders: str) -> str:
        """Everything that stands in these folders, one after the other."""
        files = (path for folder in folders for path in sorted((self.path / folder).rglob("*")) if path.is_file())
        return "\n".join(path.read_text() for path in files)


@pytest.fixture(params=ROLES)
def role(request) -> Role:
    """Each role in turn."""
    return Role(request.param)


@pytest.fixture(scope="session")
def root() -> Path:
    """The collection's directory."""
    return ROOT
