"""Applications: declared flows, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""
