"""The handlers of the API, and the table that they and their description are made from."""
