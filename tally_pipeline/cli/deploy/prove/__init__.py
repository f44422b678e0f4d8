"""`tally deploy prove`: trials on the account itself of what no emulator shows, and their record."""
