"""The cases that Tally and dlt are both put to, and dlt's side of them."""
