"""Tries to prove Kenward's permissions wrong: random companies, random changes, a second opinion.

`source.py` says what a source is here, `sources/` holds one for each dialect: it lives in its own
terms, changes at random, tells Kenward through the connectors' constructors, and answers who may
read what by its own rules, which share no code with the engine. `company.py` is everything a tenant
consists of, `verdicts.py` what Kenward answers, `links.py` whether its reasons are true, and
`run.py` the loop that makes one random change after the other and compares after each.
"""
