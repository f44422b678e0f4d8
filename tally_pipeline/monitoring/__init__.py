"""What is told to those who watch the pipeline: CloudWatch metrics, and what the whole costs."""
