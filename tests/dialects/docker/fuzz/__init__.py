"""Made-up requests for all that the Docker API serves: none may crash, hang or escape.

The daemon under test lives in namespaces of its own (`enclosure.py`); `offers.py` says which names and values are
worth trying, `making.py` makes requests of them from our own OpenAPI description, `wire.py` sends them, and
`verdict.py` judges the answers by the same description.
"""
