"""Viewers' events: bronze's lines staged one by one, then judged across lines by SQL (`docs/decisions/0019`)."""
