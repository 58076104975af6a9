"""How good retrieval is, by figures that others publish too.

`questions.py` holds judged questions and their one form as JSON lines, `measures.py` the figures of
one ranking, `asking.py` asks a question as a member and takes down what each stage found,
`tally.py` adds up, `question_sets.py` keeps a tenant's own questions and `tenant_run.py` asks them.
Whole collections are read, indexed and asked in `ops.evaluation`.
"""
