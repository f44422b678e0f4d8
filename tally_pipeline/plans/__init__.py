"""Which services to subscribe to in which month, to watch most of what is wished for: found exactly, by HiGHS.

Pure: it is handed the texts of its two files, what is known of offers and seasons, and the day.
"""
