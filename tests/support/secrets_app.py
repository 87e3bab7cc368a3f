"""An application for tests whose parameters are secrets, in all places where a parameter can be."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr

from peaceful import App, Flow, Item, ItemCtx, ItemFailure, State, mapped, write_atomically

Trouble = Literal[
    "none",
    "fails",
    "raises",
    "model",
    "model unknown",
    "mapped",
    "of item",
    "checked",
    "told",
    "crashes",
    "child fails",
    "not reached",
]
"""What goes wrong with a secret."""


class Account(BaseModel):
    """A parameter with a secret inside."""

    user: str
    key: SecretStr


class VaultState(State):
    """What a vault is; with a secret, which no state should have, but some will."""

    length: int | None
    key: SecretStr | None = None
    text: str = ""


class Vault(Item[VaultState]):
    """A file that has the length of a secret."""

    path: Path
    password: SecretStr
    accounts: tuple[Account, ...] = ()
    note: str = ""
    fails: bool = False
    trouble: str = "none"

    def state_current(self, ctx: ItemCtx) -> VaultState:
        """What is there."""
        length = len(self.path.read_text()) if self.path.exists() else None
        return VaultState(length=length, key=self.password)

    def state_goal(self, ctx: ItemCtx) -> VaultState:
        """As long as the password."""
        return VaultState(length=len(self.password.get_secret_value()), key=self.password)

    def state_clean(self, ctx: ItemCtx) -> VaultState:
        """Nothing."""
        return VaultState(length=None, key=self.password)

    def apply(self, ctx: ItemCtx, current: VaultState, goal: VaultState) -> VaultState:
        """Writes it."""
        if self.fails:
            raise ItemFailure(f"{self!r} does not want to become {goal!r}.")
        ctx.progress.message(f"writing with {self.password}")
        if self.trouble != "none":
            _tell(ctx, self.trouble, self.password.get_secret_value())
        write_atomically(self.path, None if goal.length is None else "x" * goal.length)
        return goal


def _tell(ctx: ItemCtx, trouble: str, secret: str) -> None:
    """Show a secret in the clear, as nobody means to, in every text that an item can write."""
    ctx.progress.message(f"with {secret}")
    ctx.log.warning("with %s", secret)
    sys.stdout.write(f"with {secret}\nand {json.dumps({'key': secret})}")
    sys.stderr.write(f"with {secret}\n")
    if trouble == "crashes":
        try:
            raise OSError(f"with {secret}")
        except OSError as cause:
            raise ValueError(f"with {secret!r}\nand {secret}") from cause
    if trouble == "child fails":
        echo = "import sys; print(sys.argv[1]); print(sys.argv[1], file=sys.stderr); sys.exit(1)"
        ctx.blocking(ctx.run(sys.executable, "-c", echo, secret, on_line=ctx.progress.message))


class Leak(Vault):
    """A vault that never becomes what it should be, and says why."""

    def state_goal(self, ctx: ItemCtx) -> VaultState:
        """As long as the password, and with it in the clear."""
        goal = super().state_goal(ctx)
        return goal.model_copy(update={"text": self.password.get_secret_value()})

    def apply(self, ctx: ItemCtx, current: VaultState, goal: VaultState) -> VaultState:
        """Does nothing."""
        return current


def _never(value: SecretStr) -> SecretStr:
    raise ValueError(f"{value.get_secret_value()} is too weak")


def _never_at_all(value: object) -> object:
    raise ValueError(f"{value!r} is no secret")


class Strict(BaseModel):
    """A model of a developer's own that takes no secret that it is given."""

    secret: Annotated[SecretStr, AfterValidator(_never)]


class Picky(Vault):
    """A vault that takes no password."""

    password: Annotated[SecretStr, BeforeValidator(_never_at_all)]


class Shared(BaseModel):
    """What all profiles share."""

    region: str = "here"
    shared: SecretStr


class OfProfile(BaseModel):
    """What all flows of a profile share."""

    own: SecretStr | None = None


def _revealed(secret: SecretStr, length: int | None) -> str:
    raise ValueError(f"{secret.get_secret_value()} of {length}")


app = App("my-vaults", workspace_params=Shared, profile_params=OfProfile)


@app.flow("lock")
def lock(
    flow: Flow,
    shared: Shared,
    own: OfProfile,
    folder: Path,
    password: SecretStr,
    account: Account,
    token: SecretStr | None = None,
    trouble: Trouble = "none",
) -> None:
    """Locks things away."""
    if trouble == "raises":
        raise RuntimeError(f"{password.get_secret_value()!r} does not work, nor does {account}")
    if trouble == "model":
        Strict(secret=password)
    if trouble == "model unknown":
        Account.model_validate({"user": password.get_secret_value(), "key": [1]})
    kind = {"of item": Picky, "not reached": Leak}.get(trouble, Vault)
    wrong: object = 7 if trouble == "checked" else "a note"
    first = flow.add(
        "first",
        kind(
            path=folder / "first",
            password=password,
            accounts=(account,),
            note=wrong,  # type: ignore[arg-type]  # wrong on purpose
            fails=trouble == "fails",
            trouble=trouble if trouble in {"told", "crashes", "child fails"} else "none",
        ),
    )
    revealed = mapped("revealed", _revealed, shared.shared, first.state.length)
    flow.add(
        "second",
        Vault(
            path=folder / "second",
            password=own.own or token or shared.shared,
            note=revealed if trouble == "mapped" else "",
        ),
    )


if __name__ == "__main__":
    app.main()
