"""Which tensors are the layers of a PyTorch model, and reading them while the model runs."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import math
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ._errors import RecordError
from ._estimate import warn

#: A module by its name, and which of its calls within one pass of the model it is.
_Call: TypeAlias = tuple[str, int]

#: Functions that are a nonlinearity by themselves, by name without underscores at its ends, and what a run calls them.
_NONLINEARITIES = {
    "relu": "relu",
    "relu6": "relu6",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "special_expit": "sigmoid",
    "softmax": "softmax",
    "special_softmax": "softmax",
    "softmin": "softmin",
    "gumbel_softmax": "gumbel-softmax",
    "log_softmax": "log-softmax",
    "special_log_softmax": "log-softmax",
    "leaky_relu": "leaky-relu",
    "prelu": "prelu",
    "rrelu": "rrelu",
    "elu": "elu",
    "selu": "selu",
    "celu": "celu",
    "gelu": "gelu",
    "glu": "glu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "hardtanh": "hardtanh",
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "log_sigmoid": "log-sigmoid",
    "logsigmoid": "log-sigmoid",
    "tanhshrink": "tanhshrink",
    "softshrink": "softshrink",
    "hardshrink": "hardshrink",
    "threshold": "threshold",
}

#: Functions of every number by itself, of which nonlinearities are made by hand, as in ``x * torch.sigmoid(x)``.
_CURVES = {
    *("pow", "square", "sqrt", "rsqrt", "reciprocal", "rdiv", "rtruediv", "rpow", "float_power", "exp", "exp2", "expm1"),
    *("log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "arctan", "sinh", "cosh", "asinh", "arcsinh"),
    *("sinc", "erf", "erfc", "special_erf", "abs", "absolute", "sign", "sgn", "round", "floor", "ceil", "trunc", "clamp", "clip"),
    *("clamp_min", "clamp_max", "maximum", "minimum", "fmax", "fmin", "where", "gt", "lt", "ge", "le", "eq", "ne", "greater"),
    *("less", "greater_equal", "less_equal", "heaviside", "logit", "special_logit", "hypot", "atan2", "arctan2", "remainder"),
    *("fmod", "logaddexp", "masked_fill"),
}

#: Of several parts of one layer: those whose result is nonlinear where two parts meet, and those whose result is not by itself.
_PRODUCTS = {"mul", "multiply", "div", "divide", "true_divide", "addcmul", "addcdiv"}
_SUMS = {"add", "sub", "subtract", "rsub", "neg", "negative", "positive", "lerp"}
_JOINS = {"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack"}

#: Functions that give axes in another order.
_TURNS = {"transpose", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "adjoint"}

#: Functions that leave a layer the same layer: norms, dropout, other shapes, other types, parts, pools.
_THROUGH = {
    *("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm", "normalize"),
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
    *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "contiguous", "clone"),
    *("detach", "to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda", "requires_grad", "alias"),
    *("chunk", "split", "tensor_split", "split_with_sizes", "unbind", "nan_to_num", *_TURNS),
    *(f"{kind}_pool{axes}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg", "lp") for axes in "123"),
}

#: Methods that are written as operators.
_OPERATORS = {"radd": "add", "rmul": "mul", "iadd": "add", "isub": "sub", "imul": "mul", "idiv": "div", "truediv": "div"}



@dataclasses.dataclass(frozen=True)
class Layer:
    """What is measured: the output of a module at one of its calls, or what becomes of it."""

    name: str
    module: nn.Module
    call: _Call
    #: How often a pass of the model runs the module.
    calls: int
    #: After how many functions; 0 is the output itself.
    step: int
    #: What that function is called, to see that it still is the same.
    function: str
    nonlinearity: str
    #: Whether it is brought into the shape of the output.
    reshaped: bool
    #: Which axis the samples are.
    axis: int
    #: Whether it has channels before positions.
    is_map: bool
    #: Of a run on a few samples.
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclasses.dataclass
class _Node:
    """What becomes of the output of a module by one function."""

    parents: tuple[int, ...]
    function: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    #: Whether the function is no straight line, and what its nonlinearity is called.
    bends: bool = False
    nonlinearity: str = ""
    #: Whether there is a nonlinearity in it or before it.
    curved: bool = False
    #: Which axes of the output its own axes are, if it has all numbers of the output; of other shapes, those before that.
    order: tuple[int, ...] | None = None
    #: Whether something else is made of it: another layer, a sum with another layer.
    used: bool = False


def chosen_modules(model: nn.Module, patterns: Sequence[str] | None) -> dict[str, nn.Module]:
    """The modules whose outputs may be layers, by name."""
    # A module with two names has both; of a compiled part of a model and the part itself, which have the same, the part counts.
    every: dict[str, nn.Module] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        name = ".".join(part for part in path.split(".") if part != "_orig_mod")
        every[name or type(model).__name__] = module
    chosen: dict[str, nn.Module] = {}
    if patterns is not None:
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in every):
                raise RecordError(f"layers = {pattern!r} matches no module; there are {', '.join(every)}")
        chosen = {name: module for name, module in every.items() if any(fnmatch.fnmatchcase(name, one) for one in patterns)}
    else:
        # Of these modules others take the weights; what they give, if they are run, is no layer.
        inside = {id(one) for part in every.values() if isinstance(part, nn.MultiheadAttention) for one in part.children()}
        outside = {
            name: module
            for name, module in every.items()
            if id(module) not in inside and "parametrizations" not in name.split(".")
        }
        chosen = {name: module for name, module in outside.items() if _has_weights(module)}
        chosen = chosen or {name: module for name, module in outside.items() if _own(module) and not _is_norm(module)}
        if not chosen:
            raise RecordError("the model has no module with parameters; name its modules with layers")
    first: dict[int, str] = {}
    for name, module in chosen.items():
        first.setdefault(id(module), name)
    return {name: chosen[name] for name in first.values()}


def is_chain(model: nn.Module) -> bool:
    """Whether each layer is computed from the one before it alone: whether what has parts runs them one after the other."""
    wholes = [module for module in model.modules() if next(module.children(), None) is not None]
    return bool(wholes) and all(
        isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward for module in wholes
    )


def _own(module: nn.Module) -> list[nn.Parameter]:
    """Parameters of a module itself, also those in a list, or behind a parametrization."""
    found = list(module.parameters(recurse=False))
    for name, child in module.named_children():
        if isinstance(child, (nn.ParameterList, nn.ParameterDict)) or name == "parametrizations":
            found += child.parameters()
    return found


_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, getattr(nn, "RMSNorm", nn.LayerNorm))


def _is_norm(module: nn.Module) -> bool:
    """Whether it is a norm, of PyTorch or by its name, with no weights but scales."""
    scales = all(sum(length > 1 for length in parameter.shape) < 2 for parameter in _own(module))
    return isinstance(module, _NORMS) or ("norm" in type(module).__name__.lower() and scales)


def _has_weights(module: nn.Module) -> bool:
    """Whether a module is a layer by itself: it has a matrix of weights, is no norm, and no other in it has any."""
    if isinstance(module, nn.MultiheadAttention):
        return True
    if _is_norm(module) or isinstance(module, (nn.ParameterList, nn.ParameterDict)):
        return False
    own = _own(module)
    ids = {id(parameter) for parameter in own}
    # Vectors are scales of norms and slopes of nonlinearities.
    return any(parameter.ndim > 1 for parameter in own) and all(id(parameter) in ids for parameter in module.parameters())


def find_layers(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    patterns: Sequence[str] | None,
    sizes: Sequence[int],
    run: Callable[[int], Any],
) -> list[Layer]:
    """The layers of a model, found by running it on a few samples: the axis that grows with their number is that of samples."""
    finders: list[_Finder] = []
    for size in sizes:
        with _Finder(model, modules, follow=patterns is None) as finder:
            run(size)
        finders.append(finder)
    first, last = finders[0], finders[-1]
    if first.order != last.order or first.paths() != last.paths():
        raise RecordError(
            f"the model does not do the same with {sizes[0]} samples as with {sizes[-1]}; name modules that it always runs "
            "with layers"
        )
    found: list[Layer] = []
    without: dict[str, tuple[int, ...]] = {}
    for call in first.order:
        nodes, others = first.nodes[call], last.nodes[call]
        step = _activation(nodes)
        node = nodes[step]
        reshaped, axis = node.order is not None, None
        if reshaped:
            axis = _samples(nodes[0].shape, others[0].shape, sizes)
        if axis is None:
            reshaped, axis = False, _samples(node.shape, others[step].shape, sizes)
        shape = nodes[0 if reshaped else step].shape
        calls = first.counts[call[0]]
        name = f"{call[0]}#{call[1] + 1}" if calls > 1 else call[0]
        if axis is None:
            without[name] = shape
            continue
        module = modules[call[0]]
        found.append(
            Layer(
                name=name,
                module=module,
                call=call,
                calls=calls,
                step=step,
                function=node.function,
                nonlinearity=node.nonlinearity,
                reshaped=reshaped,
                axis=axis,
                is_map=isinstance(module, nn.modules.conv._ConvNd),
                shape=shape,
                dtype=node.dtype,
            )
        )
    containers = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
    lacking = [name for name, module in modules.items() if name not in first.counts and not isinstance(module, containers)]
    shapes = ", ".join(f"{name} {shape}" for name, shape in without.items())
    rowless = f"a layer needs a row for each sample; of {sizes[0]} samples there is {shapes}; name others with layers"
    # A pattern may match more than there is to measure, a name may not.
    for pattern in patterns or ():
        matching = fnmatch.filter(modules, pattern)
        if all(name in lacking or isinstance(modules[name], containers) for name in matching):
            raise RecordError(f"layers: the model does not run {pattern}, or gets no numbers of it; name what it is in")
        if not any(layer.call[0] in matching for layer in found):
            raise RecordError(rowless)
    if not found and without:
        raise RecordError(rowless)
    if not found:
        raise RecordError(f"the model does not run {', '.join(lacking)}, or gets no numbers of it; name others with layers")
    if lacking or without:
        reasons = [f"not run: {', '.join(lacking)}"] if lacking else []
        reasons += [f"no row for each sample: {shapes}"] if without else []
        warn([f"modules that are not measured: {'; '.join(reasons)}"])
    return found


def _samples(few: Sequence[int], more: Sequence[int], sizes: Sequence[int]) -> int | None:
    """The axis of samples, of the shapes for the first and the last number of them; no other may differ."""
    grows = [axis for axis, lengths in enumerate(zip(few, more, strict=True)) if lengths == (sizes[0], sizes[-1])]
    if not grows or any(few[axis] != more[axis] for axis in range(len(few)) if axis != grows[0]):
        return None
    return grows[0]


def _activation(nodes: Sequence[_Node]) -> int:
    """The last nonlinearity that all of a module's output goes through before anything else is made of it; else the output."""
    ends = [step for step, node in enumerate(nodes) if node.used]
    if not ends:
        ends = [step for step in range(len(nodes)) if not any(step in node.parents for node in nodes)]
    for step in range(len(nodes) - 1, 0, -1):
        if nodes[step].bends:
            around = {0}
            for other in range(1, len(nodes)):
                if other != step and around.intersection(nodes[other].parents):
                    around.add(other)
            if not around.intersection(ends):
                return step
    return 0


def _order(
    nodes: Sequence[_Node],
    parents: Sequence[int],
    function: str,
    shape: tuple[int, ...],
    turn: Callable[[torch.Tensor], torch.Tensor] | None,
) -> tuple[int, ...] | None:
    """Which axes of a module's output those of a function of it are, where it has all of its numbers."""
    orders = {nodes[parent].order for parent in parents}
    order = orders.pop() if len(orders) == 1 else None
    if order is None or math.prod(shape) != math.prod(nodes[0].shape):
        return None
    before = nodes[parents[0]].shape
    if function in _TURNS:
        if turn is None or before != tuple(nodes[0].shape[axis] for axis in order):
            return None
        # Axes of different lengths show where they go.
        lengths = range(2, 2 + len(before))
        return tuple(order[length - 2] for length in turn(torch.empty(tuple(lengths), device="meta")).shape)
    # Other shapes have the same order only where nothing was turned before.
    return order if shape == before or order == tuple(range(len(order))) else None


class _Watch(TorchFunctionMode):
    """Follows outputs of modules through the functions that are applied to them, in one pass of a model after the other.

    No tensor is held: where one is gone, so is what was known of it.
    """

    def __init__(self, model: nn.Module, modules: Mapping[str, nn.Module], follow: bool) -> None:
        super().__init__()
        self._model = model
        self._modules = modules
        self._follows = follow
        self._handles: list[Any] = []
        #: Tensors that are functions of one module's output, by their place in memory.
        self._live: dict[int, tuple[weakref.ref[torch.Tensor], _Call, int]] = {}
        #: Above 0 functions are not followed.
        self._deaf = 0
        #: Of norms that run: what they were given, what is known of it, and which of that is used.
        self._inside: list[tuple[_Call, int, list[bool]] | None] = []
        self.begin()

    def begin(self) -> None:
        """Before each pass."""
        self._live.clear()
        self._inside.clear()
        self._deaf = 0
        #: Calls of each module.
        self.counts: dict[str, int] = {}
        self.nodes: dict[_Call, list[_Node]] = {}

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""

    def __enter__(self) -> Any:
        if self._follows:
            super().__enter__()  # type: ignore[no-untyped-call]
            layers = {id(module) for module in self._modules.values()}
            for module in self._model.modules():
                if _is_norm(module) and module is not self._model and not any(id(part) in layers for part in module.modules()):
                    self._handles.append(module.register_forward_pre_hook(self._enters))
                    self._handles.append(module.register_forward_hook(self._leaves))
            self._handles.append(self._model.register_forward_hook(self._returns))
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._live.clear()
        if self._follows:
            super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensor = _tensor_in(output)
            if tensor is None or self._deaf:
                return
            number = self.counts.get(name, 0)
            self.counts[name] = number + 1
            call = (name, number)
            self.nodes[call] = [_Node((), "", tuple(tensor.shape), tensor.dtype, order=tuple(range(tensor.ndim)))]
            self._tell(call, 0, tensor)

        return hook

    def _tell(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        # What is done with the tensor then is not done by the model.
        self._deaf += 1
        try:
            self.reached(call, step, tensor)
        finally:
            self._deaf -= 1
        if self._follows:
            key = id(tensor)
            self._live[key] = (weakref.ref(tensor, lambda gone: self._forget(key, gone)), call, step)

    def _forget(self, key: int, gone: Any) -> None:
        known = self._live.get(key)
        if known is not None and known[0] is gone:
            del self._live[key]

    def _known(self, tensor: Any) -> tuple[_Call, int] | None:
        known = self._live.get(id(tensor))
        return (known[1], known[2]) if known is not None and known[0]() is tensor else None

    def _enters(self, _module: nn.Module, inputs: Any) -> None:
        known = self._known(inputs[0]) if inputs else None
        self._inside.append(None if known is None else (*known, [node.used for node in self.nodes[known[0]]]))

    def _leaves(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        given = self._inside.pop()
        if given is None or not isinstance(output, torch.Tensor) or self._known(output) is not None:
            return
        # A norm written by hand, with means and variances: all of that is one function.
        call, step, used = given
        for node, before in itertools.zip_longest(self.nodes[call], used):
            node.used = bool(before)
            if before is None:
                node.parents = ()
        self._add([(call, step)], output, "norm")

    def _returns(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        for tensor in _all_tensors(output):
            known = self._known(tensor)
            if known is not None:
                self.nodes[known[0]][known[1]].used = True

    def _add(
        self,
        of: Sequence[tuple[_Call, int]],
        tensor: torch.Tensor,
        function: str,
        bends: bool = False,
        nonlinearity: str = "",
        turn: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        call = of[0][0]
        nodes = self.nodes[call]
        parents = tuple(dict.fromkeys(step for _, step in of))
        curved = any(nodes[parent].curved for parent in parents)
        if bends and not nonlinearity:
            nonlinearity = function if function in _CURVES and len(parents) == 1 and not curved else "custom"
        shape = tuple(tensor.shape)
        order = _order(nodes, parents, function, shape, turn)
        nodes.append(_Node(parents, function, shape, tensor.dtype, bends, nonlinearity, bends or curved, order))
        self._tell(call, len(nodes) - 1, tensor)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._deaf or not self._live:
            return function(*args, **kwargs)
        before = [(tensor, self._known(tensor)) for tensor in _all_tensors((args, kwargs))]
        result = function(*args, **kwargs)
        known = [one for _, one in before if one is not None]
        if known:
            self._follow(function, args, kwargs, before, known, result)
        return result

    def _follow(
        self,
        function: Any,
        args: Any,
        kwargs: Any,
        before: Sequence[tuple[torch.Tensor, tuple[_Call, int] | None]],
        known: list[tuple[_Call, int]],
        result: Any,
    ) -> None:
        name = getattr(function, "__name__", "").split(".")[0]
        in_place = name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
        name = name.strip("_")
        name = _OPERATORS.get(name, name)
        results = list(_all_tensors(result))
        if not in_place and all(one.ndim == 0 for one in results):
            return  # a shape, a type, a number to look at
        if name.endswith(("_like", "_as")) or name.startswith("new_"):
            known = [one for one in (before[0][1],) if one is not None]  # of the others only shape and type matter
            if not known or name.endswith("_like") or name.startswith("new_"):
                return
        bends, nonlinearity = False, ""
        follows = len({call for call, _ in known}) == 1
        if name in _NONLINEARITIES or name in _THROUGH:
            # What else they are given are weights, means and the like.
            follows = before[0][1] is not None
            known = [before[0][1]] if before[0][1] is not None else known
            bends, nonlinearity = name in _NONLINEARITIES, _NONLINEARITIES.get(name, "")
            if name == "hardtanh" and (args[1:3] == (0.0, 6.0) or (kwargs.get("min_val"), kwargs.get("max_val")) == (0.0, 6.0)):
                nonlinearity = "relu6"
        elif any(one is None and not _is_constant(tensor) for tensor, one in before):
            follows = False
        elif name in _CURVES:
            bends = True
        elif name in _PRODUCTS:
            bends = len(known) > 1
        elif name in _SUMS or name in _JOINS:
            bends = len(set(known)) > 1 and any(self.nodes[call][step].curved for call, step in known)
        else:
            follows = False
        others = {key: value for key, value in kwargs.items() if key != "input"}

        def turn(tensor: torch.Tensor) -> Any:
            return function(tensor, *args[1:], **others)

        if follows and results:
            for one in results:
                # A function that does nothing, such as dropout in evaluation mode, gives what it was given.
                nothing = name in _THROUGH - _TURNS and any(one is tensor for tensor, _ in before)
                if not nothing and (one.dtype.is_floating_point or one.dtype == torch.bool):
                    self._add(known, one, name, bends, nonlinearity, turn)
            return
        # A tensor that something else was added to in place keeps what is known of it: nothing that comes after this use counts.
        for call, step in known:
            self.nodes[call][step].used = True


class _Finder(_Watch):
    """Finds the layers of a model."""

    def begin(self) -> None:
        super().begin()
        self.order: list[_Call] = []

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""
        if step == 0:
            self.order.append(call)

    def paths(self) -> dict[_Call, list[tuple[str, tuple[int, ...], bool]]]:
        """What becomes of each output, to compare."""
        return {call: [(node.function, node.parents, node.used) for node in nodes] for call, nodes in self.nodes.items()}


class Reader(_Watch):
    """Hands over the layers of a model."""

    def __init__(
        self, model: nn.Module, layers: Sequence[Layer], follow: bool, keep: Callable[[Layer, torch.Tensor], None]
    ) -> None:
        self._wanted = {(layer.call, layer.step): layer for layer in layers}
        self._calls = {layer.call[0]: layer.calls for layer in layers}
        self._keep = keep
        # Only what some layer is made of by functions has to be followed.
        follow = follow and any(layer.step for layer in layers)
        super().__init__(model, {layer.call[0]: layer.module for layer in layers}, follow)

    def begin(self) -> None:
        super().begin()
        self._seen: set[str] = set()

    def reached(self, call: _Call, step: int, tensor: torch.Tensor) -> None:
        """Told of every output and of all that becomes of it."""
        layer = self._wanted.get((call, step))
        node = self.nodes[call][step]
        if layer is not None and node.function == layer.function:
            self._seen.add(layer.name)
            if layer.reshaped and node.order is not None:
                output = self.nodes[call][0].shape
                back = [node.order.index(axis) for axis in range(len(output))]
                tensor = tensor.reshape(output) if back == sorted(back) else tensor.permute(back)
            self._keep(layer, tensor)

    def check(self) -> None:
        """After each pass: refuses one that went another way."""
        for name, calls in self._calls.items():
            if self.counts.get(name, 0) != calls:
                raise RecordError(
                    f"the model ran the module {name!r} {calls} times at first and {self.counts.get(name, 0)} times now: if another module "
                    "has taken its place, make a recorder for another directory, else name modules that it always runs, with layers"
                )
        lacking = [layer.name for layer in self._wanted.values() if layer.name not in self._seen]
        if lacking:
            raise RecordError(
                f"the model does not always do the same with {', '.join(lacking)}; name modules with layers, whose outputs are "
                "measured as they are"
            )


def _all_tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in what a function takes or gives."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _all_tensors(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _all_tensors(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _all_tensors(getattr(value, field.name, None))


def _tensor_in(output: Any) -> torch.Tensor | None:
    """What a module gives: a tensor of numbers, or the first one in a tuple, a dictionary or an object."""
    packed = output[0] if isinstance(output, tuple) and output else None
    if isinstance(packed, nn.utils.rnn.PackedSequence):  # of sequences of several lengths; 0 where they have ended
        output, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    found = (tensor for tensor in _all_tensors(output) if tensor.dtype.is_floating_point and tensor.ndim)
    return next(found, None)


def _is_constant(tensor: torch.Tensor) -> bool:
    """Whether it is the same for all samples: a parameter, or a single number."""
    return isinstance(tensor, nn.Parameter) or tensor.ndim == 0
