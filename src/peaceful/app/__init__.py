"""Applications: flows declared under a name, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""

from peaceful.app._app import App
from peaceful.app._flow_def import FlowDef, FlowFunction, FlowParam

__all__ = ["App", "FlowDef", "FlowFunction", "FlowParam"]
