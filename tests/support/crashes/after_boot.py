"""Runs a program that was loaded before this boot, or what passes for one, as it is now."""

from __future__ import annotations

import runpy
import sys

from peaceful._storage.journal import boot_id
from peaceful.commands import YamlStateStore

defaults = YamlStateStore.__init__.__kwdefaults__
assert defaults is not None
assert "boot_id" in defaults
defaults["boot_id"] = boot_id()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
