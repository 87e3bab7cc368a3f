"""Progress and endings as a terminal, a log or a program reads them."""
