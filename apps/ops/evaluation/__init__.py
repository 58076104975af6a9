"""Measures the search on a public collection, in a database of its own.

`datasets.py` reads the collections' formats, `corpus.py` makes a tenant of one and indexes it as a
sync would, `answers.py` judges what the answers cite, and `run.py` is the whole of it from top to
bottom. `evaluate` starts the database and calls this package as a process of its own.
"""
