"""The web: start executions, watch them, interrupt them, from a browser or by HTTP.

`asgi` makes an ASGI application of an `App`, and `serve` serves it on this machine; `App.asgi` and
`App.serve` call them. What requests need is put together by `server_context`.

| part | holds |
|---|---|
| `server` | puts the server together; the guard at its door; serving until a signal |
| `api` | the calls, in one table that also describes them |
| `pages` | what people see, and what keeps it up to date |
| `diagrams` | flows and what they touch, laid out and drawn |
| `work` | starts and interrupts executions for those who ask |
| `live` | executions that are followed, and the broadcast to those who watch |
| `http` | what all of them speak: who may ask, bodies, errors, routes |
"""
