"""Registry of the load shapes: every module of this package that defines ``SHAPE``."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from perf_core import shapes as package
from perf_core.adapter import Scenario, Wire
from perf_core.errors import UsageError
from perf_core.load.plan import Plan, Settings, make_plan
from perf_core.shapes.shape import Shape


def all_shapes() -> Mapping[str, Shape]:
    """Return the load shapes by name."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return {module.SHAPE.name: module.SHAPE for module in modules if hasattr(module, "SHAPE")}


def shape_named(name: str) -> Shape:
    """Return a load shape.

    Raises:
        UsageError: There is no shape of this name.
    """
    shapes = all_shapes()
    if name not in shapes:
        raise UsageError(
            f"expected a load shape ({', '.join(shapes)}), got {name!r}", "Correct the shape in the adapter."
        )
    return shapes[name]


def plan_scenario(scenario: Scenario, wire: Wire, settings: Settings, *, identities: int = 0) -> Plan:
    """Return the validated plan of a scenario; see :func:`perf_core.load.plan.make_plan`."""
    return make_plan(scenario, wire, settings, shape_named(scenario.shape).plan, identities=identities)
