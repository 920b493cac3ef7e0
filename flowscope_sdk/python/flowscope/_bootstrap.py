"""Attaches a program that has FLOWSCOPE_ADDR in its environment; imported by flowscope.pth at every Python start."""

import os


def main() -> None:
    """Attach if FLOWSCOPE_ADDR asks for it. May be called any number of times; opens no socket and raises nothing."""
    addr = os.environ.get("FLOWSCOPE_ADDR", "").strip()
    if addr and addr.lower() != "off":
        instrument()


def instrument() -> None:
    """Instrument what FLOWSCOPE_AUTO or the settings file names, now or when it is imported."""
    try:
        from flowscope import _config_file, _lifecycle, instrumentation

        # First of all, so that it runs last of all: what the program does in its own exit handlers is seen.
        _lifecycle.install()
        names = os.environ.get("FLOWSCOPE_AUTO")
        if not names and _config_file.read()[1]:  # _config is dear to import, and there is seldom a file
            from flowscope import _config

            names = ",".join(_config.auto()) or "none"
        instrumentation.activate((names or "all").split(","))
    except Exception as error:
        from flowscope._guard import failed

        failed("attaching", error)


main()
