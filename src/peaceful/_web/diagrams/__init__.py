"""Diagrams of flows: what waits for what, and which places are touched.

A `Plan` says what is shown; Graphviz says where it stands, in a process of its own; a `Drawing` is
written as SVG. How items stand is painted last, and changes nothing of the rest.
"""
