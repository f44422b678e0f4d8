"""The collector: the door and the sink of viewers' events on one machine, with a journal on disk between them."""
