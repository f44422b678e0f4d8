"""The pipeline's metrics, and how they are sent to CloudWatch."""
