"""A month's bill on AWS, worked out from counted runs. Pure arithmetic."""
