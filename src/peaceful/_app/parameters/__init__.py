"""Parameters of applications: declared, read from texts, checked, stored; and their secrets."""
