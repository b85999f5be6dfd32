"""What every test may ask for: real servers, the whole system, and the record of the rows that tests prove."""

from hypothesis import settings

pytest_plugins = ["tests.support.servers", "tests.support.system", "tests.support.outcomes"]

# How long a case takes says something of the machine, not of the code; what is slow is measured in tests/load.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
