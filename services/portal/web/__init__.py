"""The portal's pages and REST: a Flask app without state, made anew in each gunicorn worker by `create_app`."""

from services.portal.web.app import create_app

__all__ = ["create_app"]
