"""What the liar shows: a surface, and one change to it."""

import copy
import json
import pathlib

HERE = pathlib.Path(__file__).parent
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "skills/list": "skills",
}


def truth():
    """The surface that is pinned."""
    return json.loads((HERE / "surface.json").read_text())


def named(name):
    """The change of that name, harmful or benign."""
    for file in ("mutations.json", "benign.json"):
        for mutation in json.loads((HERE / file).read_text()):
            if mutation["name"] == name:
                return mutation
    raise SystemExit(f"there is no mutation {name!r}")


def lie(mutation):
    """The surface after the change."""
    surface = truth()
    if "path" in mutation:
        apply(surface, mutation)
    if mutation.get("lists") == "reversed":
        for member in LISTS.values():
            surface[member].reverse()
    if mutation.get("keys") == "reversed":
        surface = reversed_keys(surface)
    return surface


def apply(surface, mutation):
    """Applies `op` at `path`, a JSON pointer; `-` ends a list."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in mutation["path"].split("/")[1:]]
    at = surface
    for part in parents:
        if isinstance(at, list):
            at = at[int(part)]
        else:
            at = at.setdefault(part, {})
    if isinstance(at, list):
        if last == "-":
            at.append(mutation["value"])
            return
        last = int(last)
    if mutation["op"] == "remove":
        del at[last]
    else:
        at[last] = copy.deepcopy(mutation["value"])


def reversed_keys(value):
    """The same value, each object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_keys(member) for member in value]
    return value


def pages(items, size):
    """The items cut into pages."""
    if not size:
        return [items]
    return [items[start : start + size] for start in range(0, len(items), size)] or [[]]
