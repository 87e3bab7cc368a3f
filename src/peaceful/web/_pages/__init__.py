"""The pages: what people see in a browser, and what keeps it up to date.

Each page works without scripts, by links, plain forms and reloads. With them, what changes is sent
to it as pieces of HTML, made once for all who watch.
"""

from peaceful.web._pages._docs_page import docs_page
from peaceful.web._pages._execution_page import started_part
from peaceful.web._pages._flow_pages import clean_question, environment_page
from peaceful.web._pages._page_routes import PAGES
from peaceful.web._pages._param_fields import PARAM_PREFIX, given_params
from peaceful.web._pages._problem_page import problem_page
from peaceful.web._pages._site import ASSETS, Assets, by_script

__all__ = [
    "ASSETS",
    "PAGES",
    "PARAM_PREFIX",
    "Assets",
    "by_script",
    "clean_question",
    "docs_page",
    "environment_page",
    "given_params",
    "problem_page",
    "started_part",
]
