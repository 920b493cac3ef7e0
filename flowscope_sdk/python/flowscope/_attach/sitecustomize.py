"""Attaches FlowScope to any Python that `flowscope run` starts, whether or not the SDK is installed in it.

`flowscope run` puts this folder, which holds nothing else, first on PYTHONPATH; Python imports `sitecustomize` at its
start. Afterwards all is as it would be without: the folder is off sys.path, the program's own sitecustomize (or none)
stands in sys.modules, and of the SDK's surroundings only the package `flowscope` can be imported. Pythons too old for
the SDK read this file too: it keeps to what 3.6 knows.
"""
# ruff: noqa: PTH100, PTH118, PTH120, UP036

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
WARNED = "_FLOWSCOPE_RUN_WARNED"


def _warn(text: str) -> None:
    """Say once, and not again in the programs that this one starts, why there will be no trace."""
    if not os.environ.get(WARNED):
        os.environ[WARNED] = "1"
        sys.stderr.write(f"flowscope: this program runs untraced: {text}\n")
        sys.stderr.flush()


def _attach() -> None:
    if os.environ.get("FLOWSCOPE_ADDR", "off").strip().lower() in ("", "off"):
        return
    if sys.version_info < (3, 11):
        _warn(f"{sys.executable} is Python {sys.version.split()[0]}, the SDK needs 3.11 or newer")
        return
    from importlib.util import find_spec

    missing = [package for package, module in (("pyzmq", "zmq"), ("orjson", "orjson")) if find_spec(module) is None]
    if missing:
        _warn(f"{sys.executable} has no {' and no '.join(missing)}; {sys.executable} -m pip install flowscope")
        return
    if find_spec("flowscope") is None:
        _lend_package()
    __import__("flowscope._bootstrap")  # what the .pth file of an installed SDK imports; a second time does nothing


def _lend_package() -> None:
    """Make `import flowscope` find the package around this file, after all else, and nothing that lies beside it."""
    from importlib.machinery import ModuleSpec
    from importlib.util import spec_from_file_location

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
            if name != "flowscope":
                return None
            start = os.path.join(PACKAGE, "__init__.py")
            return spec_from_file_location(name, start, submodule_search_locations=[PACKAGE])

    sys.meta_path.append(Finder)


def _hand_over() -> None:
    """Run the sitecustomize that Python would have found without us, or be as absent as it would be."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
try:
    _attach()
except Exception as error:  # the program comes first, whatever is wrong with us
    if os.environ.get("FLOWSCOPE_DEBUG"):
        sys.stderr.write(f"flowscope: could not attach: {error!r}\n")
_hand_over()
