"""What people extend and are given: `Item`, its context, and how states are compared."""
