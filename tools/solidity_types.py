"""Solidity types as Python sees them: annotation, ABI type, and the expressions that encode and decode a value."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import Any, Final

SCALARS: Final = (
    (re.compile(r"u?int\d*"), "int"),
    (re.compile(r"bytes\d*"), "bytes"),
    (re.compile("bool"), "bool"),
    (re.compile("address|string"), "str"),
)

# Structs that the specification defines: the bindings take and return its classes instead of twins of them.
SPECIFIED: Final = {
    "Pinned": "cupel.protocol.spec.task",
    "TaskParams": "cupel.protocol.spec.task",
    "Commitment": "cupel.protocol.spec.rollout",
    "RolloutLeaf": "cupel.protocol.spec.rollout",
}


class UnknownType(Exception):
    """The ABI has something this generator has no Python form for."""


@dataclass(frozen=True)
class Type:
    """A Solidity type. `kind` is scalar, enum, struct or array; `name` is that of the enum or struct."""

    kind: str
    abi: str
    python: str
    name: str = ""
    item: Type | None = None
    components: tuple[Parameter, ...] = ()

    def abi_expression(self) -> str:
        """Python source of the ABI type string; a struct's stands in a constant beside its class."""
        root, suffix = self, ""
        while root.item:
            suffix = root.abi[len(root.item.abi) :] + suffix
            root = root.item
        if root.kind != "struct":
            return f'"{self.abi}"'
        constant = f"structs.{constant_name(root.name)}"
        return f'f"{{{constant}}}{suffix}"' if suffix else constant

    def decode(self, value: str) -> str:
        """Python source that turns `value`, as the ABI codec returns it, into the annotated type."""
        if self.kind == "enum":
            return f"{self.python}({value})"
        if self.kind == "struct":
            return f"structs.decode_{snake_case(self.name)}({value})"
        if self.item:
            item = self.item.decode("item")
            return f"tuple({value})" if item == "item" else f"tuple({item} for item in {value})"
        return f"checksum({value})" if self.abi == "address" else value

    def encode(self, value: str) -> str:
        """Python source that turns `value` of the annotated type into what the ABI codec takes."""
        if self.kind == "struct":
            return f"structs.encode_{snake_case(self.name)}({value})"
        if self.item:
            item = self.item.encode("item")
            return f"tuple({value})" if item == "item" else f"tuple({item} for item in {value})"
        size = re.fullmatch(r"bytes(\d+)", self.abi)
        return f"fixed_bytes({value}, {size[1]})" if size else value

    def structs(self) -> list[Type]:
        """The struct types inside, those that others are made of first."""
        found = [inner for component in self.components for inner in component.type.structs()]
        found += self.item.structs() if self.item else []
        return [*found, self] if self.kind == "struct" else found

    def enums(self) -> set[str]:
        """Names of the enums inside."""
        found = {self.name} if self.kind == "enum" else set()
        found |= self.item.enums() if self.item else set()
        return found.union(*(component.type.enums() for component in self.components))


@dataclass(frozen=True)
class Parameter:
    """A named value: an argument, a result, a field."""

    name: str
    """Python name."""
    solidity_name: str
    type: Type
    indexed: bool = False


def read_parameters(entries: list[dict[str, Any]]) -> tuple[Parameter, ...]:
    """The parameters of an ABI entry. UnknownType if one of them has no Python form."""
    found = tuple(
        Parameter(
            python_name(entry["name"]) or f"value{position}",
            entry["name"],
            read_type(entry["type"], entry),
            entry.get("indexed", False),
        )
        for position, entry in enumerate(entries)
    )
    if len({parameter.name for parameter in found}) < len(found):
        raise UnknownType(f"two parameters get the same name: {', '.join(p.name for p in found)}")
    return found


def read_type(abi: str, entry: dict[str, Any]) -> Type:
    """The type with this ABI name; `entry` tells the names of structs and enums and what structs are made of."""
    if abi.endswith("]"):
        item = read_type(abi[: abi.rindex("[")], entry)
        return Type("array", item.abi + abi[abi.rindex("[") :], f"tuple[{item.python}, ...]", item=item)
    declared = re.sub(r"(\[\d*\])+$", "", entry.get("internalType", ""))
    name = declared.split(" ")[-1].split(".")[-1]
    if declared.startswith("enum ") and abi == "uint8":
        return Type("enum", abi, f"structs.{name}", name)
    if abi == "tuple" and declared.startswith("struct "):
        components = read_parameters(entry["components"])
        inner = ",".join(component.type.abi for component in components)
        return Type("struct", f"({inner})", f"structs.{name}", name, components=components)
    for pattern, python in SCALARS:
        if pattern.fullmatch(abi):
            return Type("scalar", abi, python)
    raise UnknownType(f"no Python form for the Solidity type '{abi}' ({declared or 'undeclared'})")


def snake_case(name: str) -> str:
    """`codeHash`, `BURN` and `eip712Domain` become `code_hash`, `burn` and `eip712_domain`."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", parted).lower().strip("_")


def constant_name(name: str) -> str:
    """`TaskParams` becomes `TASK_PARAMS_ABI`."""
    return f"{snake_case(name).upper()}_ABI"


def python_name(name: str) -> str:
    """A Solidity name as a Python identifier: snake case, with an underscore behind a keyword."""
    snake = snake_case(name)
    return f"{snake}_" if keyword.iskeyword(snake) or snake == "self" else snake
