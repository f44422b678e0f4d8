"""What a table made from silver is: its declaration, its columns, the files that it is made from."""
