"""Trains the reader of lines on invented ones, and writes it as ONNX; goes on from its last state.

    python -m tools.recogniser.train --fonts FOLDER --state STATE.npz --minutes 60 [--longest 40] [--rate 2e-3]
    python -m tools.recogniser.train --state STATE.npz --export MODEL.onnx

Needs torch (and onnx) beside the product's own libraries. On two cores some 40 lines a second; a GPU is used when there
is one, with as many --makers as it can eat from.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn

from tools.recogniser.lines import line
from tools.recogniser.network import STRIDE, Reader
from tools.recogniser.spoiling import HEIGHT
from tools.recogniser.text import CHARACTERS

CODE = {c: n + 1 for n, c in enumerate(CHARACTERS)}
Batch = tuple[NDArray[np.uint8], list[int], list[str]]
"""Ink of the lines, side by side in one block; the width of each; what stands there."""


def make(seed: int, folder: Path, longest: int, batch: int, out: Any) -> None:
    """Batches of lines of like width, for ever."""
    cv2.setNumThreads(1)
    r = Random(seed)
    while True:
        some = [line(r, folder, longest) for _ in range(batch * 4)]
        some = sorted((s for s in some if s[1] and _fits(*s)), key=lambda s: s[0].shape[1])
        groups = [some[n : n + batch] for n in range(0, len(some), batch)]
        r.shuffle(groups)
        for group in groups:
            if len(group) > batch // 2:
                out.put(packed(group))


def packed(group: list[tuple[NDArray[np.uint8], str]]) -> Batch:
    """One block, as wide as its widest line; what is beyond a line is its paper."""
    wide = max(p.shape[1] for p, _ in group)
    block = np.zeros((len(group), HEIGHT, wide + -wide % STRIDE), np.uint8)
    for n, (picture, _) in enumerate(group):
        block[n] = 255 - int(np.percentile(picture, 85))
        block[n, :, : picture.shape[1]] = 255 - picture
    return block, [p.shape[1] for p, _ in group], [t for _, t in group]


def read(answer: Tensor, widths: list[int]) -> list[str]:
    """The likeliest letters of each line."""
    found = []
    for row, wide in zip(answer.argmax(2).tolist(), widths, strict=True):
        steps = row[: math.ceil(wide / STRIDE)]
        kept = [c for c, before in zip(steps, [0, *steps], strict=False) if c and c != before]
        found.append(" ".join("".join(CHARACTERS[c - 1] for c in kept).split()))
    return found


class Training:
    """A network and how far it has come."""

    def __init__(self, state: Path, rate: float) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.net = Reader(len(CHARACTERS) + 1).to(self.device, memory_format=torch.channels_last)
        self.best = torch.optim.AdamW(self.net.parameters(), lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
        self.smooth: dict[str, Tensor] = {}
        self._loss = nn.CTCLoss(zero_infinity=True)
        self._state = state
        if state.exists():
            with np.load(state) as known:
                kept = {name: torch.from_numpy(known[name]) for name in known.files}
            self.net.load_state_dict({n: v.float() if v.dtype.is_floating_point else v for n, v in kept.items()})
            self.smooth = {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def step(self, batch: Batch, rate: float) -> tuple[float, Tensor]:
        """The network has learnt from a batch; its loss, and what it answered."""
        block, widths, texts = batch
        for group in self.best.param_groups:
            group["lr"] = rate
        ink = torch.from_numpy(block).to(self.device).float().div_(255).unsqueeze(1)
        self.net.train()
        with torch.autocast(self.device, dtype=torch.bfloat16):
            answer = self.net(ink.contiguous(memory_format=torch.channels_last))
        chances = answer.float().log_softmax(2).transpose(0, 1)
        right = torch.tensor([CODE[c] for t in texts for c in t]).to(self.device)
        steps = torch.tensor([math.ceil(w / STRIDE) for w in widths]).clamp(max=chances.shape[0])
        loss = self._loss(chances, right, steps, torch.tensor([len(t) for t in texts]))
        self.best.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.best.step()
        return loss.item(), answer.detach().float().cpu()

    def remember(self) -> None:
        """The mean of the last some hundred states reads better than the last one."""
        for name, now in self.net.state_dict().items():
            if name in self.smooth and now.dtype.is_floating_point:
                self.smooth[name].lerp_(now, 0.02)
            else:
                self.smooth[name] = now.detach().clone()

    def save(self) -> None:
        """The mean network, in half precision; training goes on from it."""
        kept = {name: value.cpu().numpy() for name, value in (self.smooth or self.net.state_dict()).items()}
        part = self._state.with_suffix(".part.npz")
        np.savez_compressed(part, **{n: v.astype(np.float16) if v.dtype.kind == "f" else v for n, v in kept.items()})
        part.replace(self._state)

    def export(self, out: Path) -> None:
        """The mean network as ONNX, for any number of lines of any width."""
        net = Reader(len(CHARACTERS) + 1)
        net.load_state_dict(self.smooth or self.net.state_dict())
        free = {"ink": {0: "lines", 3: "width"}, "letters": {0: "lines", 1: "steps"}}
        torch.onnx.export(
            net.eval(), (torch.zeros(1, 1, HEIGHT, 400),), str(out), input_names=["ink"], output_names=["letters"],
            dynamic_axes=free, dynamo=False,
        )  # fmt: skip
        model = onnx.load(str(out))
        model.metadata_props.add(key="characters", value="".join(CHARACTERS))
        onnx.save(model, str(out))


def train(told: argparse.Namespace) -> None:
    """For so many minutes, the rate falling from --rate to --end-rate."""
    training, began, saved = Training(told.state, told.rate), time.time(), time.time()
    losses, wrong, whole = [], 0, 0
    for step, batch in enumerate(_batches(told), start=1):
        part = (time.time() - began) / (60 * told.minutes)
        if part >= 1:
            break
        fallen = told.end_rate + (told.rate - told.end_rate) * 0.5 * (1 + math.cos(math.pi * part))
        loss, answer = training.step(batch, fallen * min(1.0, step / 200))
        losses.append(loss)
        if step > 100 and step % 5 == 0:
            training.remember()
        if step % 20 == 0:
            found = read(answer, batch[1])
            wrong += sum(map(Levenshtein.distance, found, batch[2]))
            whole += sum(map(len, batch[2]))
        if step % 100 == 0:
            mean = sum(losses) / len(losses)
            print(f"{part * told.minutes:6.1f} min {step:6d} loss {mean:.3f} errors {wrong / whole:.4f}", flush=True)
            losses, wrong, whole = [], 0, 0
        if time.time() - saved > 120:
            training.save()
            saved = time.time()
    training.save()


def _batches(told: argparse.Namespace) -> Iterator[Batch]:
    spawn = multiprocessing.get_context("spawn")
    lines: Any = spawn.Queue(24)
    for n in range(told.makers):
        what = (told.seed + n, told.fonts, told.longest, told.batch, lines)
        spawn.Process(target=make, args=what, daemon=True).start()
    while True:
        yield lines.get()


def _fits(picture: NDArray[np.uint8], told: str) -> bool:
    """Whether there is a step for each letter, and one between two of the same."""
    return picture.shape[1] >= STRIDE * (len(told) + sum(a == b for a, b in pairwise(told)) + 1)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--fonts", type=Path)
    asked.add_argument("--state", type=Path, required=True)
    asked.add_argument("--export", type=Path)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--longest", type=int, default=40)
    asked.add_argument("--rate", type=float, default=2e-3)
    asked.add_argument("--end-rate", type=float, default=1e-5)
    asked.add_argument("--batch", type=int, default=48)
    asked.add_argument("--makers", type=int, default=1)
    asked.add_argument("--seed", type=int, default=int(time.time()))
    told = asked.parse_args()
    if told.export:
        Training(told.state, told.rate).export(told.export)
    else:
        train(told)


if __name__ == "__main__":
    main()
