"""How a network learns: fastai's `Learner`, head first, then one-cycle fine-tuning."""

from __future__ import annotations

import copy
import json
import os
import pickle
import time
import timeit
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastai.callback.schedule  # noqa: F401  gives Learner its schedules and its finder
import numpy as np
import numpy.typing as npt
import torch
from fastai.callback.core import Callback, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner, Recorder
from fastai.torch_core import get_model, to_cpu, to_device
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot
from torch.nn.parallel import DistributedDataParallel

from faceaudit.errors import FaceAuditError
from faceaudit.files import atomic_file
from faceaudit.model.balance import Groups, Shares, draw
from faceaudit.model.devices import PROCESSOR, chance, set_chance
from faceaudit.model.inference import Rows
from faceaudit.model.preprocess import Pixels
from faceaudit.model.records import InputRecord
from faceaudit.model.team import ALONE, Team
from faceaudit.read_ahead import read_ahead
from faceaudit.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress

DEFAULT_LEARNING_RATE = 3e-3
#: A pretrained body learns so many times slower than the new head.
BODY_SLOWDOWN = 5
#: Light may vary by so much, as a share of its standard deviation: brightness is added,
#: contrast multiplied.
LIGHTING = 0.1
#: How fast the weights of groups grow with their loss: that of the paper.
GROUP_STEP = 0.01


class Batches:
    """A data loader over pixels that are decoded already.

    Each pass over a training loader is shuffled anew; pictures are mirrored half of the time
    and their brightness and contrast vary a little. A last batch that is not full is left out,
    because batch statistics of one picture mean nothing. A validation loader gives every
    picture, as it is, in order.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, size, size, 3)
        May be a memory map; only one batch at a time is copied out of it.
    is_ai : ndarray of bool, shape (n,)
    rows : ndarray of int
        Which of the n pictures this loader gives.
    record, batch_size
    seed : int, optional
        Makes it a training loader.
    shares : ndarray of float, optional
        How often each of the n pictures is drawn in training; all once if not given.
    change : callable, optional
        From a picture and a seed to the picture that is trained on, of the network's size; called
        in `workers` threads, ahead of the network.
    groups : ndarray of int, optional
        Each of the n pictures' group, a second column of the targets: for `GroupDRO`.
    team : Team
        Of each batch, which is the same in all its processes, a training loader gives this one's
        part: together they see what one alone would see.
    """

    def __init__(
        self,
        pixels: Pixels,
        is_ai: npt.NDArray[np.bool_],
        rows: Rows,
        record: InputRecord,
        batch_size: int,
        seed: int | None = None,
        shares: Shares | None = None,
        change: Callable[[Pixels, int], Pixels] | None = None,
        workers: int = 1,
        groups: Groups | None = None,
        team: Team = ALONE,
    ) -> None:
        self._pixels, self._rows, self._record, self.groups = pixels, rows, record, groups
        self._shares, self._change, self._workers = shares, change, workers
        told = [is_ai] if groups is None else [is_ai, groups]
        self._target = np.stack(told, axis=1).astype(np.float32)
        self._size = min(batch_size, len(rows))
        self._mine = slice(None)
        if seed is not None:
            self._size -= self._size % team.size
            self._mine = slice(team.number, None, team.size)
            if not self._size:
                raise FaceAuditError(
                    f"{counted(len(rows), 'image')} cannot be dealt to {team.size} processes; "
                    "start fewer"
                )
        self._rng = None if seed is None else np.random.default_rng(seed)
        self._device = PROCESSOR

    def to(self, device: torch.device) -> None:
        """Have batches put there."""
        self._device = device

    @property
    def chance(self) -> Any:
        """What the next pass draws, as a state of its generator that JSON can hold."""
        return None if self._rng is None else self._rng.bit_generator.state

    @chance.setter
    def chance(self, state: Any) -> None:
        if self._rng is not None:
            self._rng.bit_generator.state = state

    def __len__(self) -> int:
        """Return the number of batches in one pass."""
        full, rest = divmod(len(self._rows), self._size)
        return full + (rest > 0 and self._rng is None)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield inputs (m, 3, size, size) and targets (m, 1 or 2), both float32."""
        rng = self._rng
        if rng is None:
            order = self._rows
        elif self._shares is None:
            order = rng.permutation(self._rows)
        else:
            order = self._rows[draw(self._shares[self._rows], rng)]
        parts = [order[i : i + self._size] for i in range(0, len(self) * self._size, self._size)]
        for rows, pixels in zip(parts, self._pictures(parts), strict=True):
            if rng is not None:
                mirrored = (rng.random(len(rows)) < 0.5)[self._mine]
                pixels[mirrored] = pixels[mirrored, :, ::-1]
            inputs = self._record.inputs(pixels)
            if rng is not None:
                light = rng.uniform(-LIGHTING, LIGHTING, (2, len(rows), 1, 1, 1))
                brightness, contrast = torch.from_numpy(light[:, self._mine].astype(np.float32))
                inputs = inputs * (1 + contrast) + brightness
            target = torch.from_numpy(self._target[rows[self._mine]])
            yield inputs.to(self._device), target.to(self._device)

    def _pictures(self, parts: list[Rows]) -> Iterator[Pixels]:
        """Yield our pictures of each batch, changed ahead of the network if they are changed."""
        change, rng = self._change, self._rng
        ours = [rows[self._mine] for rows in parts]
        if change is None or rng is None:
            yield from (self._pixels[rows] for rows in ours)
            return
        # One seed a picture, drawn before the threads start, so that their order means nothing.
        seeds = rng.integers(2**63, size=(len(parts), self._size))[:, self._mine]

        def changed(part: tuple[Rows, npt.NDArray[np.int64]]) -> Pixels:
            pairs = zip(*part, strict=True)
            return np.stack([change(self._pixels[row], int(seed)) for row, seed in pairs])

        yield from read_ahead(changed, zip(ours, seeds, strict=True), self._workers)


@dataclass(frozen=True)
class Recipe:
    """What a run of training does, whatever the pictures."""

    #: Changed in place by `fit`.
    network: nn.Module
    #: Names of the head's parameters.
    head: frozenset[str]
    #: Passes in which the whole network learns.
    epochs: int
    #: Whether the head learns alone for one pass before.
    pretrained: bool

    @property
    def frozen_epochs(self) -> int:
        """Passes in which the head alone learns."""
        return int(self.pretrained)

    def seconds(self, n_training: int, n_validation: int, size: int, batch_size: int) -> float:
        """Forecast how long `fit` takes, from timing the network on a batch of noise."""
        network = _Computed(copy.deepcopy(self.network))
        inputs = torch.rand(batch_size, 3, size, size).to(memory_format=torch.channels_last)
        target = torch.zeros(batch_size, 1, device=network.device)

        def learn() -> None:
            logit = network.train()(inputs.to(network.device))
            binary_cross_entropy_with_logits(logit, target).backward()
            wait()

        def look() -> None:
            with torch.no_grad():
                network.eval()(inputs.to(network.device))
            wait()

        def wait() -> None:
            if network.device != PROCESSOR:
                torch.get_device_module(network.device).synchronize()

        # The first time allocates.
        learning, looking = (
            min(timeit.repeat(step, number=1, repeat=3)) / batch_size for step in (learn, look)
        )
        passes = self.epochs + self.frozen_epochs
        return learning * self.epochs * n_training + looking * (
            self.frozen_epochs * n_training + passes * n_validation
        )

    def fit(
        self,
        training: Batches,
        validation: Batches,
        lr: float | None,
        find_lr: bool,
        passes: Passes,
        bars: Progress,
    ) -> float:
        """Train the network in place; return the head's highest learning rate, `lr` if given.

        If `find_lr` is true, fastai's finder chooses it. It goes on after the `passes` that are
        done.
        """
        learner = Learner(
            # Else fastai puts the network where it would.
            DataLoaders(training, validation, device=device_of(self.network)),
            _Computed(self.network),
            loss_func=binary_cross_entropy_with_logits
            if training.groups is None
            else GroupDRO(int(training.groups.max()) + 1, passes.team),
            splitter=self._body_and_head,
            metrics=accuracy,
            path=passes.folder,
            # Frozen means frozen: the body's backward pass is then saved altogether.
            train_bn=False,
            cbs=[TrainEvalCallback, Recorder],
            default_cbs=False,
        )
        learner.logger = lambda _: None
        if going_on := passes.done > 0:
            lr = passes.rate
        elif find_lr:
            lr = float(learner.lr_find(show_plot=False).valley)
            bars.console.print(f"learning-rate finder: {lr:.2g}")
        rate = passes.rate = lr or DEFAULT_LEARNING_RATE
        if learner.opt is None:
            learner.create_opt()
        together = [_Together()] if passes.team.size > 1 else []
        with learner.added_cbs([*together, _Report(bars), _Keep(passes, learner, training)]):
            if self.pretrained:
                learner.freeze()
                if passes.done < self.frozen_epochs:
                    learner.fit_one_cycle(self.frozen_epochs, rate, start_epoch=passes.done)
                learner.unfreeze()
            if going_on:
                passes.restore(learner, training)
            body = rate / BODY_SLOWDOWN if self.pretrained else rate
            whole = passes.done - self.frozen_epochs
            learner.fit_one_cycle(self.epochs, slice(body, rate), start_epoch=whole)
        return rate

    def _body_and_head(self, computed: _Computed) -> list[list[nn.Parameter]]:
        groups: list[list[nn.Parameter]] = [[], []]
        for name, parameter in computed.network.named_parameters():
            groups[name in self.head].append(parameter)
        return groups


class Passes:
    """The passes of a run that are done, with all that the next one needs.

    Parameters
    ----------
    folder : Path or None
        Where the last one's outcome is kept.
    recipe : Recipe
    team : Team
        All its processes begin with what the first has, and each has chance of its own.
    """

    def __init__(self, folder: Path | None, recipe: Recipe, team: Team) -> None:
        self.folder, self.team = folder, team
        self._file = None if folder is None else folder / "passes.pt"
        self._total = recipe.epochs + recipe.frozen_epochs
        self._frozen, self._device = recipe.frozen_epochs, device_of(recipe.network)
        self._state: dict[str, Any] = {}
        self._started = time.monotonic()
        if self._file is not None and self._file.exists():
            # What a lost power supply left of it is done again.
            with suppress(RuntimeError, OSError, EOFError, pickle.UnpicklingError):
                self._state = torch.load(self._file, weights_only=True)
        self._state = team.told(self._state)
        self.done: int = self._state.get("done", 0)
        self.rate: float | None = self._state.get("rate")

    @property
    def seconds(self) -> float:
        """How long they have taken, those before a run was stopped among them."""
        before: float = self._state.get("seconds", 0.0)
        return before + time.monotonic() - self._started

    @property
    def share(self) -> float:
        """How much of the training they are."""
        return self.done / self._total

    def keep(self) -> None:
        """Write nothing: what is half done is of no use."""

    def told(self) -> str | None:
        """Say how many there are."""
        return f"{self.done} of {counted(self._total, 'epoch')}" if self.done else None

    def restore(self, learner: Learner, training: Batches) -> None:
        """Put network, optimiser and chance where they were after the last one.

        Unfreezing the body has the optimiser start anew, so what it knew of the head alone
        is not restored.
        """
        state = self._state
        learner.model.load_state_dict(state["network"])
        if self.done > self._frozen:
            optimiser = to_device(state["optimiser"], self._device)
            hypers = learner.opt.hypers
            learner.opt.load_state_dict({"state": optimiser, "hypers": hypers})
        ours = state["torch"].reshape(self.team.size, -1)[self.team.number]
        set_chance(self._device, ours)
        training.chance = json.loads(state["chance"])
        if isinstance(learner.loss_func, GroupDRO):
            learner.loss_func.weights = state["groups"]

    def add(self, learner: Learner, training: Batches) -> None:
        """Note that another is done, and keep it."""
        drawn_next = torch.stack(self.team.all_of(chance(self._device)))
        if self._file is not None:
            # On the processor, as others are told it.
            state = {
                "done": self.done + 1,
                "rate": self.rate,
                "seconds": self.seconds,
                "network": to_cpu(get_model(learner.model).state_dict()),
                "optimiser": to_cpu(learner.opt.state_dict()["state"]),
                "torch": drawn_next,
                "chance": json.dumps(training.chance),
                "groups": to_cpu(getattr(learner.loss_func, "weights", None)),
            }
            with atomic_file(self._file) as temporary:
                torch.save(state, temporary)
        self.done += 1


class _Keep(Callback):
    """Keeps each pass that is done."""

    order = 61  # after the report

    def __init__(self, passes: Passes, learner: Learner, training: Batches) -> None:
        self._passes, self._of, self._training = passes, learner, training

    def after_epoch(self) -> None:
        if self._of.recorder.values[-1]:
            self._passes.add(self._of, self._training)


class _Together(Callback):
    """Has every step follow the mean of what all processes learn, as from one batch.

    Batch statistics are those of the first one's part.
    """

    def before_fit(self) -> None:
        # Anew each time: which parameters learn is looked up once.
        self.learn.model = DistributedDataParallel(self.learn.model)

    def after_fit(self) -> None:
        self.learn.model = get_model(self.learn.model)


class _Computed(nn.Module):
    """A network as it is computed in training: channels last, in `training_precision`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.device = device_of(network)
        self._reduced = training_precision(self.device) == "bfloat16"

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._reduced):
            return self.network(inputs).float()


class _Report(Callback):
    """Moves a progress bar, and prints a line after each pass."""

    order = 60  # after the Recorder

    def __init__(self, bars: Progress) -> None:
        self._bars = bars

    def before_fit(self) -> None:
        self._task = self._bars.add_task("training", total=self.n_epoch * len(self.dls.train))

    def after_batch(self) -> None:
        if self.training:
            self._bars.advance(self._task)

    def before_epoch(self) -> None:
        self._bars.update(self._task, completed=self.epoch * len(self.dls.train))

    def after_epoch(self) -> None:
        if not self.recorder.values[-1]:  # it was done before
            return
        training, validation, share = self.recorder.values[-1]
        self._bars.console.print(
            f"epoch {self.epoch + 1} of {self.n_epoch}: training loss {training:.4f}, "
            f"validation loss {validation:.4f}, validation accuracy {share:.2%}"
        )

    def after_fit(self) -> None:
        self._bars.remove_task(self._task)


class GroupDRO:
    """The loss of the groups that have the most of it: group distributionally robust optimisation.

    Each group's mean loss in a batch counts by a weight that grows with that loss, step by step.
    Targets are labels and groups, side by side.

    References
    ----------
    Sagawa, Koh, Hashimoto & Liang (2020), "Distributionally robust neural networks for group
    shifts", ICLR.
    """

    def __init__(self, groups: int, team: Team = ALONE) -> None:
        self._team = team
        self.weights = torch.full((groups,), 1 / groups)

    def __call__(self, logit: Tensor, target: Tensor) -> Tensor:
        """Return the weighted loss; in training the weights move first."""
        label, group = target[:, :1], target[:, 1].long()
        each = binary_cross_entropy_with_logits(logit, label, reduction="none")[:, 0]
        self.weights = self.weights.to(logit.device)
        member = one_hot(group, len(self.weights)).float()
        lost, images = each @ member, member.sum(0)
        if not logit.requires_grad:
            return self.weights @ (lost / images.clamp(min=1))
        everywhere = self._team.summed(torch.stack([lost.detach(), images]))
        images = everywhere[1].clamp(min=1)
        grown = self.weights * torch.exp(GROUP_STEP * everywhere[0] / images)
        self.weights = grown / grown.sum()
        # Its mean over the processes, which they learn from, is the loss of all their pictures.
        return self._team.size * (self.weights @ (lost / images))


def accuracy(logit: Tensor, target: Tensor) -> Tensor:
    """Return the share of calls at the threshold 0.5 that are right."""
    return ((logit >= 0) == (target[:, :1] > 0.5)).float().mean()


def device_of(network: nn.Module) -> torch.device:
    """Return where a network is."""
    return next(network.parameters()).device


def training_precision(device: torch.device) -> str:
    """Return ``bfloat16`` where a device computes in it, else ``float32``.

    Decided by what the device is, not by a stopwatch: the choice changes the weights, and the
    same machine has to give the same weights.
    """
    if device == PROCESSOR:
        features = torch.cpu.get_capabilities()
        native = any(features.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    else:
        known = getattr(torch.get_device_module(device), "is_bf16_supported", None)
        native = known is not None and known(including_emulation=False)
    return "bfloat16" if native else "float32"


@contextmanager
def reproducible(seed: int, device: torch.device = PROCESSOR) -> Iterator[None]:
    """Make all that torch does inside the block a function of `seed`, and leave no trace of it."""
    strict, before = torch.are_deterministic_algorithms_enabled(), chance(device)
    # Without it NVIDIA's products of matrices are not; read when the first of them is computed.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    try:
        with warnings.catch_warnings():
            # `train` says once which step is none.
            warnings.filterwarnings("ignore", ".*does not have a deterministic implementation")
            yield
    finally:
        torch.use_deterministic_algorithms(strict)
        set_chance(device, before)
