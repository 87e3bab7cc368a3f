"""The pages: what people see in a browser, and what keeps it up to date.

Each page works without scripts, by links, plain forms and reloads. With them, what changes is sent
to it as pieces of HTML, made once for all who watch.
"""
