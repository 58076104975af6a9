"""Documents to passages: the queue, and what is written when one is indexed."""
