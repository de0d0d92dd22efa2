"""What every test in a browser may rely on."""

from playwright.sync_api import expect

# a page is given the time that a busy machine takes; what never comes still fails
expect.set_options(timeout=20_000)
