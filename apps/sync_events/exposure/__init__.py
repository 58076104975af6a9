"""The exposure dry run: what a connection would bring in, who would gain what, what is public.

`reports` queues one, `collect` asks the source and keeps what it tells, `outcome` works out what
that means (`observed`, `people`, `evaluate`), `download` hands it out. Nothing of it reaches the
documents or their permissions.
"""
