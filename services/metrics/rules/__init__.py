"""What is counted, how a number is made of it, and when it is not shown. Pure: no I/O, no clock, no ids."""
