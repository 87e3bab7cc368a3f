"""The ASGI application, its guard, and serving it until a signal."""
