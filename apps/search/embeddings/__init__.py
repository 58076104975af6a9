"""Text to vectors: the models, the process that runs them for documents, the way of a question."""
