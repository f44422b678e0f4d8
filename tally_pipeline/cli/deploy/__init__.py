"""`tally deploy`: checks of a deployment, and its settings from Terraform."""
