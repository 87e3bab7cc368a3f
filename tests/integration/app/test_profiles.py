"""Secrets in profiles that are copied, renamed, backed up and restored."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import SecretStr

from peaceful import App, Flow, Given
from peaceful.commands import Contexts, Workspace

SECRET = "hunter2-and-more"


def _app() -> App:
    app = App("vaults")

    @app.flow("keep")
    def keep(flow: Flow, name: str, password: SecretStr) -> None:
        """Knows a password."""

    return app


def test_secrets_stay_sealed(tmp_path: Path) -> None:
    """They are never in the clear, and opened by the same key wherever they have come to."""
    environment = {"PEACEFUL_KEY": Fernet.generate_key().decode()}
    contexts = Contexts(_app(), Workspace(tmp_path / "a", "vaults"), environment)
    given = {"name": Given("ada", "a test"), "password": Given(SecretStr(SECRET), "a test")}
    contexts.init(given, profile="dev")
    contexts.copy_profile("dev", "copied")
    contexts.rename_profile("dev", "renamed")
    contexts.back_up("renamed", tmp_path / "backup")
    elsewhere = Contexts(_app(), Workspace(tmp_path / "b", "vaults"), environment)
    elsewhere.restore(tmp_path / "backup")
    for known, profile in ((contexts, "copied"), (contexts, "renamed"), (elsewhere, "renamed")):
        password = known.values(profile, "keep")["password"]
        assert password == SecretStr(SECRET)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
