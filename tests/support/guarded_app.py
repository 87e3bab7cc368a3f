"""An application for tests: profiles that ask before they are cleaned up, and a secret."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, SecretStr

from peaceful import App, Flow
from peaceful.items import Blank


class Place(BaseModel):
    """What holds for a profile.

    Attributes:
        guarded: whether it asks before it is cleaned up.
        sealed: whether it asks before anything of it is changed.
    """

    guarded: bool = False
    sealed: bool = False


def _is_guarded(place: Place, command: str) -> bool:
    return place.sealed or (place.guarded and command == "clean")


app = App("guarded", profile_params=Place, names_profiles=True, asks_before=_is_guarded)


@app.flow("keep")
def keep(flow: Flow, token: SecretStr, folder: Path = Path("kept")) -> None:
    """Keeps two files.

    Args:
        flow: takes the items.
        token: what opens the door.
        folder: where they are.
    """
    for name in ("one", "two"):
        length = str(len(token.get_secret_value()))
        flow.add(name, Blank(path=folder / name, lines=(length,)))


if __name__ == "__main__":
    app.main()
