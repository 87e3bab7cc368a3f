"""The web server: start, watch and interrupt executions from a browser or by HTTP.

`App.asgi` and `App.serve` open it, by the functions of those names in `server.serve`. `context`
puts together what requests need.

| part | holds |
|---|---|
| `server` | the ASGI application, its guard, and serving until a signal |
| `api` | the handlers of the API, and the table that describes them |
| `pages` | the pages, and the streams that keep them up to date |
| `diagrams` | the layout and drawing of flows and of the places that they touch |
| `work` | the executions of this server, its log and its metrics |
| `live` | the executions that are followed, and the broadcast to those who watch |
| `http` | access, requests, documents, errors and routes |
"""
