"""Diagrams of flows: what waits for what, and which places are touched.

A `Plan` holds nodes and arrows; Graphviz lays it out in a process of its own; a `Drawing` is
written as SVG. The status of items is painted last, and changes nothing of the rest.
"""
