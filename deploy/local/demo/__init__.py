"""The demo data: an invented retailer with its people, promises, knowledge, changes and three months of work.

`python -m deploy.local.demo` loads it into the system that TL_ settings name. Everything hangs on one day, that of the
first load; every change carries an id made from what it is, so that loading twice changes nothing.
"""

from deploy.local.demo.company import ACCOUNTS, PAGES

__all__ = ["ACCOUNTS", "PAGES"]
