"""Articles as documents, their lists, and the search index that each replica builds of the live ones."""
