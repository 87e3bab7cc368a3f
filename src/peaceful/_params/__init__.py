"""Parameters: plain values, stored ones, and references to states of other items."""
