"""The register of executions: running and past ones, one at a time per profile.

`Executions` is its interface. Where executions are stored is a port, `ExecutionStore`; for one
machine it is `SqliteExecutionStore`. Each running execution listens on a Unix socket in the
workspace, through which other processes interrupt and watch it.
"""
