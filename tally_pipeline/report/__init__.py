"""The day's report: tables of one day and its past in, one self-contained HTML text out. No I/O."""
