"""The dependency graph of a flow: building, querying and traversing it.

Pure and synchronous. Everything takes time and memory in proportion to nodes and edges, and nothing
recurses, so that long chains and wide fans work alike.
"""
