"""Facts, cells, the ledger and spans as documents, and the questions that are asked of them."""
