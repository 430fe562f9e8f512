"""The resources of the API, which are also the `data` of events."""

from marketplace_api.schemas.orders import *  # noqa: F403 - until the classes are split by subject
