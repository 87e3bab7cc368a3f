"""`Item`, its context, and how states are compared."""
