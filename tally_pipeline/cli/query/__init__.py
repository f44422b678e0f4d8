"""`tally query`: the query, and its answer as a table or in another format."""
