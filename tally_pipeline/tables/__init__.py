"""The base of tables made from silver: their declaration, their columns, the files that they are made from."""
