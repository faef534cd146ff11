"""Imports the functions that aomi.yaml names as tools, and says where a module fails."""

from __future__ import annotations

import importlib
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.checks.problems import Problem
from app.checks.spelling import hint
from app.errors import ConfigError
from app.telemetry import redaction


def function(path: str, place: str, what: str) -> Callable[..., Any]:
    """What `package.module:Function` names. `place` is where aomi.yaml names it; `what` says app and tool.

    Raises `ConfigError`: with file and line of the module if its own code fails, else with `place`."""
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a tool's file is anyone's code
        raise ConfigError(str(_failure(error, module_name, place, what))) from error
    if not hasattr(module, name):
        own = [other for other, value in vars(module).items() if getattr(value, "__module__", None) == module_name]
        told = f"{what} cannot be imported: {_file(module) or module_name} has no {name!r}{hint(name, own)}"
        raise ConfigError(str(Problem(place, told)))
    return getattr(module, name)


def _failure(error: BaseException, module_name: str, place: str, what: str) -> Problem:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
        told = (
            f"{what} cannot be imported: {error}; put its file beside aomi.yaml, where processes start ({Path.cwd()}), "
        )
        return Problem(place, f"{told}or install its package")
    if isinstance(error, SyntaxError) and error.filename:
        told = f"{what} cannot be imported: {type(error).__name__}: {error.msg}"
        return Problem(f"{_short(error.filename)}:{error.lineno}", told)
    told = redaction.masked("".join(traceback.format_exception_only(error)).strip())
    return Problem(_where(error) or place, f"{what} cannot be imported: {told}")


def _where(error: BaseException) -> str:
    """File and line of the last frame in code that was not installed, else of the last one outside importlib."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    frames = [frame for frame in frames if frame.filename not in (__file__, importlib.__file__)]
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own = [frame for frame in frames if not any(frame.filename.startswith(f"{folder}/") for folder in installed)]
    last = (own or frames)[-1:]
    return f"{_short(last[0].filename)}:{last[0].lineno}" if last else ""


def _file(module: Any) -> str:
    return _short(getattr(module, "__file__", None) or "")


def _short(filename: str) -> str:
    """The path as seen from the working directory, if it is inside."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if filename and path.is_relative_to(Path.cwd()) else filename
