"""Which item waits for which: building the graph, asking it, going through it.

Pure and synchronous. Everything takes time and memory in proportion to nodes and edges, and nothing
recurses, so that long chains and wide fans work alike.
"""
