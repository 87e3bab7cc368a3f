"""Crashes on purpose: what is left of a command's files when it is killed, or the power is lost.

* `shim.c` comes between a program and its files: it numbers the operations under a folder, writes
  them down, and at one of them kills the process, tears the write, or lets it fail. `shim` builds
  it and says what it is to do.
* `log` reads what it wrote down: operations on files and, between them, what was said.
* `disks` rebuilds from that the disks that a loss of power may leave at any moment: what was not
  synced is there, lost, torn, zeroed, or there in part; what was synced is there.
* `ground` is a folder in which programs run under the shim, and that can be made any disk.
* `scenarios` are the commands: what is there before them, and what must hold after a crash.
* `holds` says what must hold after any ending, and `tally` counts what was tried.
* `devices` are real file systems that lose their power.

A short share of all that runs in `make test`; `make soak` tries every operation and every disk, and
says at its end how many it tried.
"""
