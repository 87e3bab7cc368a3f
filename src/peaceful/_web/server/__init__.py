"""The server: put together, let in by a guard, served as a program, ended by a signal."""
