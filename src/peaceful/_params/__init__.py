"""Parameters: plain values, stored ones, and references to what other items will have produced."""
