"""The source of canary documents: nobody connects it, and no page lists it."""
