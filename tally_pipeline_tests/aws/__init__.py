"""Tests of the AWS session and of what its errors mean."""
