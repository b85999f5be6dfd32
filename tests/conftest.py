"""What every test may ask for: real servers, the whole system, and the record of the rows that tests prove."""

pytest_plugins = ["tests.support.servers", "tests.support.system", "tests.support.outcomes"]
