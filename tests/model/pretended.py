"""An accelerator, pretended: to torch the device 'pretended' is one as CUDA is.

What lies on it is computed by the processor, but it has no bytes there that could be read, and
nothing is computed of tensors on both. It draws by itself, has as much memory as it is given, and
steps that it computes otherwise each time, as some of CUDA's are.
"""

from __future__ import annotations

import operator
import warnings
from collections import Counter
from functools import partial
from typing import Any, ClassVar

import torch
from torch import library
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils import backend_registration
from torch.utils._pytree import tree_map

aten = torch.ops.aten
NAME, NEAR = "pretended", torch.device("cpu")
VIEWS = ("_unsafe_view", "expand", "permute", "select.int", "slice.Tensor", "split.Tensor")
VIEWS += (
    "logsumexp",
    "squeeze",
    "squeeze.dim",
    "squeeze.dims",
    "t",
    "transpose.int",
    "unbind.int",
    "unsqueeze",
)
#: What lies on it, by the place of its storage, as long as that lives.
held: dict[int, tuple[StorageWeakRef, torch.Tensor]] = {}
#: Else torch forgets the device.
libraries: list[library.Library] = []


class Device(backend_registration._DummyBackendModule):
    """Its functions as in `torch.cuda`."""

    there = True
    chance = torch.Generator()
    #: How many numbers a tensor may have.
    room = 1 << 40
    #: The step that is computed otherwise each time.
    unrepeatable = ""
    #: How often each step was computed.
    steps: ClassVar[Counter[str]] = Counter()

    def is_available(self) -> bool:
        return self.there

    def is_bf16_supported(self, including_emulation: bool) -> bool:
        return not including_emulation

    def get_device_name(self) -> str:
        return "no card"

    def get_rng_state(self) -> torch.Tensor:
        return self.chance.get_state()

    def set_rng_state(self, state: torch.Tensor) -> None:
        self.chance.set_state(state)

    def manual_seed_all(self, seed: int) -> None:
        self.chance.manual_seed(seed + 1)

    def synchronize(self) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


DEVICE = Device()


def content(tensor: torch.Tensor) -> torch.Tensor:
    """Return what is computed with in a tensor's place."""
    there = tensor.device.type == NAME
    return held[tensor.untyped_storage()._cdata][1] if there else tensor


def far(content: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the device."""
    if content.numel() > DEVICE.room:
        raise torch.OutOfMemoryError("pretended out of memory. Tried to allocate 3.20 GiB.")
    made: torch.Tensor = torch._C._acc.create_empty_tensor(tuple(content.shape), content.dtype)
    storage = made.untyped_storage()
    held[storage._cdata] = StorageWeakRef(storage), content
    if len(held) % 1000 == 0:
        for place in [place for place, (of, _) in held.items() if of.expired()]:
            del held[place]
    return made


def compute(op: Any, *given: Any, **named: Any) -> Any:
    """Compute what torch asks of the device."""
    if op == aten._copy_from.default:  # to it, or from it
        source, target = given[:2]
        content(target).copy_(content(source))
        return target
    changed: dict[int, torch.Tensor] = {}

    def nearby(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            # A number alone is not refused by CUDA either.
            if value.device == NEAR and value.dim():
                raise RuntimeError(f"{op}: tensors of two devices")
            changed[id(content(value))] = value
            return content(value)
        return NEAR if isinstance(value, torch.device) else value

    def there(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return changed[id(value)] if id(value) in changed else far(value)

    step = op.__name__.split(".")[0]
    DEVICE.steps[step] += 1
    if step == DEVICE.unrepeatable:
        said = f"{DEVICE.unrepeatable} does not have a deterministic implementation, but you set …"
        if not torch.is_deterministic_algorithms_warn_only_enabled():
            raise RuntimeError(said)
        warnings.warn(said, stacklevel=1)
    given, named = tree_map(nearby, given), tree_map(nearby, named)
    op = aten.reshape if op in (aten.view.default, aten._unsafe_view.default) else op
    if torch.Tag.nondeterministic_seeded not in getattr(op, "tags", ()):
        return tree_map(there, op(*given, **named))
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(DEVICE.get_rng_state())
        drawn = tree_map(there, op(*given, **named))
        DEVICE.set_rng_state(torch.get_rng_state())
    return drawn


def convolution_backward(slope: Any, given: Any, weight: Any, *rest: Any) -> Any:
    """Compute what is asked of a device from elsewhere without the size of the bias."""
    return aten.convolution_backward(slope, given, weight, [len(weight)], *rest)


def squeeze_(tensor: torch.Tensor, dim: int) -> torch.Tensor:
    """Change a tensor's shape in place."""
    tensor.data = far(content(tensor).squeeze(dim))
    return tensor


def deep_copy(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    """Copy what has no bytes that could be copied."""
    there = tensor.device.type == NAME
    return tensor.detach().clone() if there else of_torch(tensor, memo)


of_torch = torch.Tensor.__deepcopy__


def pretend() -> None:
    """Give this process the device, for good."""
    torch.Tensor.__deepcopy__ = deep_copy  # type: ignore[method-assign]
    # In that mode a view needs what such tensors have not.
    torch.inference_mode = lambda mode=True: torch.no_grad()  # type: ignore[assignment,misc]
    backend_registration._setup_privateuseone_for_python_backend(NAME, DEVICE)
    libraries.extend(library.Library(name, "IMPL") for name in ("_", "aten"))
    libraries[0].fallback(compute, "PrivateUse1")
    libraries[0].fallback(library.fallthrough_kernel, "AutocastPrivateUse1")
    asked = {"convolution": aten.convolution, "convolution_backward": convolution_backward}
    for name, op in asked.items():
        libraries[1].impl(f"{name}_overrideable", partial(compute, op), "PrivateUse1")
    libraries[1].impl("squeeze_.dim", squeeze_, "PrivateUse1")
    # What looks at a tensor's bytes otherwise, torch would do without us.
    for name in VIEWS:
        op = operator.attrgetter(name if "." in name else f"{name}.default")(aten)
        libraries[1].impl(name, partial(compute, op), "PrivateUse1")
