"""What a show is: the lists, the bronze format, the silver contract and how rows are refined.

Everything here is pure: no dagster, no boto3, no I/O, no clock.
"""
