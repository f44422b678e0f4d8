"""The planner of subscriptions: the services to pay for in each month, to watch most of what is wished for.

The best plan is found exactly, by HiGHS. Pure: it is handed the texts of its two files, what is known of offers and
seasons, and the day.
"""
