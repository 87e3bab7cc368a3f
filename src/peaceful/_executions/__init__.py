"""The register of executions: who runs what, its sender, its history; one at a time per profile.

`Executions` is what doors use. Where executions are written down is a port, `ExecutionStore`; for
one machine it is `SqliteExecutionStore`. Each running execution listens on a Unix socket in the
workspace: that is how other processes interrupt it and watch it.
"""
