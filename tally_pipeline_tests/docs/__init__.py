"""What README and docs/ say is tried: commands and snippets run, links lead somewhere."""
