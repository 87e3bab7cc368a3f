"""The pages of a browser, and the streams that keep them up to date.

Each page works without scripts, by links, plain forms and reloads. With them, changes come as
pieces of HTML, made once for all who watch.
"""
