"""Building a graph of ONNX by writing formulas: values that record what is done with them.

The same operation on the same values is one node, so that a part that a function has twice is
computed once.
"""

from __future__ import annotations

from typing import Any

from onnx import TensorProto, helper

INPUT, OUTPUT = "x", "y"
OPSET, FORMAT = 17, 8
"""Version of the operators, and of the file format that came with it (2022): read widely."""


class Graph:
    """Nodes and constants in the order they were made; all numbers are float32."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[float, str] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    @property
    def x(self) -> Value:
        """The input."""
        return Value(self, INPUT)

    def constant(self, value: float) -> Value:
        """A scalar, which goes with tensors of any shape."""
        return Value(self, self.constants.setdefault(float(value), f"c{len(self.constants)}"))

    def apply(self, operator: str, *arguments: Value | float, **attributes: Any) -> Value:
        """What an operator of ONNX gives for values or numbers."""
        values = [a if isinstance(a, Value) else self.constant(a) for a in arguments]
        names = tuple(value.name for value in values)
        key = (operator, names, *sorted((k, str(v)) for k, v in attributes.items()))
        if key not in self._known:
            self._known[key] = f"v{len(self.nodes)}"
            self.nodes.append(
                helper.make_node(operator, list(names), [self._known[key]], **attributes)
            )
        return Value(self, self._known[key])

    def filled(self, value: float) -> Value:
        """The value in the shape of the input."""
        tensor = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        return self.apply("ConstantOfShape", self.apply("Shape", self.x), value=tensor)

    def model(self, result: Value, name: str, dimensions: int, properties: dict[str, str]) -> Any:
        """The whole as a model with one input and one output, float32 of the same shape.

        Args:
            result: what it computes.
            name: of the graph.
            dimensions: of the input, each of any size; a valid model has to say how many.
            properties: texts that it carries.

        Returns:
            An ``onnx.ModelProto``.
        """
        self.nodes.append(helper.make_node("Identity", [result.name], [OUTPUT]))
        shape = [f"size{place}" for place in range(dimensions)]
        (given, found) = [
            [helper.make_tensor_value_info(end, TensorProto.FLOAT, shape)]
            for end in (INPUT, OUTPUT)
        ]
        constants = [
            helper.make_tensor(constant, TensorProto.FLOAT, [], [value])
            for value, constant in self.constants.items()
        ]
        graph = helper.make_graph(self.nodes, name, given, found, initializer=constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name="actsearch")
        model.ir_version = FORMAT
        helper.set_model_props(model, properties)
        return model


class Value:
    """A tensor of the graph."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name

    def __add__(self, other: Value | float) -> Value:
        return self.graph.apply("Add", self, other)

    def __radd__(self, other: float) -> Value:
        return self.graph.apply("Add", other, self)

    def __sub__(self, other: Value | float) -> Value:
        return self.graph.apply("Sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.graph.apply("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.graph.apply("Mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self.graph.apply("Mul", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return self.graph.apply("Div", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return self.graph.apply("Div", other, self)

    def __neg__(self) -> Value:
        return self.graph.apply("Neg", self)

    def __abs__(self) -> Value:
        return self.graph.apply("Abs", self)

    def __gt__(self, other: Value | float) -> Value:
        return self.graph.apply("Greater", self, other)

    def __lt__(self, other: Value | float) -> Value:
        return self.graph.apply("Less", self, other)

    def to(self, operator: str, *more: Value | float, **attributes: Any) -> Value:
        """What an operator of ONNX makes of it."""
        return self.graph.apply(operator, self, *more, **attributes)

    def choose(self, then: Value | float, otherwise: Value | float) -> Value:
        """Of a condition: one value where it holds, the other elsewhere."""
        return self.graph.apply("Where", self, then, otherwise)
