"""How the sources' own rules become places, values, entries and policies. Pure functions.

One small module per family, named in the source's own terms. A connector hands in what its API
gave, and puts what comes back on its pages; nothing here asks a source or knows a tenant. Each
module says where its rules come from, and what of them is from memory and was never checked.

What a dialect does not understand admits nobody.
"""
