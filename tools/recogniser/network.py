"""The network: a line of print goes in as a picture, a chance of each letter comes out for every four columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tools.recogniser.spoiling import HEIGHT

STRIDE = 4
"""Columns of the picture to one step of the answer."""


def _mix(channels: int, wide: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=padding, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, wide, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(inplace=True),
        nn.Conv2d(wide, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class Residual(nn.Module):
    def __init__(self, channels: int, wide: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.body = _mix(channels, wide, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def _down(inside: int, outside: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2) if kernel[0] > 2 else (0, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class Reader(nn.Module):
    """(N, 1, HEIGHT, W), 0 for paper and 1 for ink, to (N, W / STRIDE, classes); class 0 is nothing."""

    def __init__(self, classes: int, width: int = 160, depth: int = 6) -> None:
        super().__init__()
        rows = HEIGHT // 8
        self.body = nn.Sequential(
            _down(1, 24, (3, 3), (2, 2)),
            _down(24, 48, (3, 3), (2, 2)),
            Residual(48, 64, (5, 5)),
            _down(48, 96, (3, 3), (2, 1)),
            Residual(96, 128, (5, 5)),
            Residual(96, 128, (5, 5)),
            nn.Conv2d(96, width, (rows, 1), bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            *(Residual(width, width * 5 // 4, (1, 9)) for _ in range(depth)),
        )
        self.drop = nn.Dropout(0.05)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.drop(self.body(x)))
        return out.squeeze(2).transpose(1, 2)
