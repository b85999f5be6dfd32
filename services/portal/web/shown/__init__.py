"""Messages of the services as what pages show: pure functions of message and reader; they call nobody."""
