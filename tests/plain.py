"""Whole runs written a second time, from the paper's facts alone: plain float64 torch functions and autograd.

The oracle of the trainer's tests. Nothing here uses ganlib's nets, costs, gradients, pixels or schedules.
"""

from __future__ import annotations

import math

import numpy as np
import torch


def kept(shape, keep, rng):
    """Which elements dropout keeps: 16 bits for each, four from a word of 64, read as a number from 0 to 1."""
    n = math.prod(shape)
    words = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None, generator=rng)
    shares = (words.numpy().view(np.int16)[:n].astype(float) + 2**15) / 2**16
    return torch.from_numpy(shares.reshape(shape) < round(keep * 2**16) / 2**16)


def relu(h):
    return torch.where(h > 0, h, torch.zeros_like(h))


def sigmoid(h):
    return 1 / (1 + torch.exp(-h))


def maxout(h, pieces=5):
    """The largest of each `pieces` adjacent columns, with no zero among them."""
    units = [h[:, u * pieces : (u + 1) * pieces].max(dim=1).values for u in range(h.shape[1] // pieces)]
    return torch.stack(units, dim=1)


def plain_G(theta, z):
    W1, b1, W2, b2, W3, b3 = theta
    return sigmoid(relu(relu(z @ W1.T + b1) @ W2.T + b2) @ W3.T + b3)


def plain_D(theta, x, masks):
    W1, b1, W2, b2, W3, b3 = theta
    h = maxout((x * masks[0] / 0.8) @ W1.T + b1)
    h = maxout((h * masks[1] / 0.5) @ W2.T + b2)
    return sigmoid((h * masks[2] / 0.5) @ W3.T + b3)[:, 0]


def plain_cost_D(p_real, p_fake):
    return -(torch.log(p_real).mean() + torch.log(1 - p_fake).mean()) / 2


def plain_cost_G(p_fake, cost):
    return -torch.log(p_fake).mean() if cost == "non-saturating" else torch.log(1 - p_fake).mean()


class PlainRun:
    """The recipe's update for the small nets, with the random draws in the order that the trainer documents.

    Other recipes are subclasses: other nets, other widths of what dropout falls on, pixels, noise, max-norm.
    """

    widths = ((12, 0.8), (4, 0.5), (3, 0.5))
    """What each layer of D reads, and the share of it that dropout keeps."""
    G_of, D_of = staticmethod(plain_G), staticmethod(plain_D)

    def __init__(self, trainer):
        self.recipe = trainer.recipe
        self.pixels = self.scaled(trainer.data.train[: trainer.recipe.examples or None].double())
        self.G, self.D = ([p.detach().clone() for p in net.parameters()] for net in (trainer.G, trainer.D))
        self.v_G, self.v_D = ([torch.zeros_like(p) for p in theta] for theta in (self.G, self.D))
        seeds = np.random.SeedSequence(trainer.seed).generate_state(2)
        self.data_rng = torch.Generator().manual_seed(int(seeds[0]))
        self.rng = torch.Generator().manual_seed(int(seeds[1]))
        self.t, self.epoch, self.rows_left, self.drawn = 0, 0, [], []

    def scaled(self, raw):
        return raw / 255

    def limit(self, theta):
        """Max-norm, where the recipe has it."""

    def batch(self):
        m = self.recipe.batch
        if not self.rows_left:
            self.epoch += 1
            self.rows_left = torch.randperm(len(self.pixels), generator=self.data_rng).tolist()
        rows, self.rows_left = self.rows_left[:m], self.rows_left[m:]
        self.drawn.append(rows)
        return self.pixels[rows]

    def noise(self, m):
        uniform = torch.rand(m, self.recipe.z_dim, generator=self.rng)
        return ((2 * uniform - 1) * math.sqrt(3)).double()

    def masks(self, m):
        return [kept((m, width), keep, self.rng).double() for width, keep in self.widths]

    def descend(self, theta, velocity, gradient, lr_0):
        lr = max(lr_0 / self.recipe.lr_decay**self.t, self.recipe.lr_min)
        mu = 0.5 + 0.2 * min((self.epoch - 1) / (self.recipe.momentum_epochs - 1), 1)
        for p, v, g in zip(theta, velocity, gradient):
            v.copy_(mu * v - lr * g)
            p.copy_(p + v)
        self.limit(theta)

    def iterate(self):
        m, k = self.recipe.batch, self.recipe.k
        for turn in range(k):
            x = self.batch()
            n = len(x)  # m, or what is left at the end of an epoch
            z, masks = self.noise(n), self.masks(2 * n)
            real, fake = [mask[:n] for mask in masks], [mask[n:] for mask in masks]
            G, D = ([p.clone().requires_grad_() for p in theta] for theta in (self.G, self.D))
            p_fake = self.D_of(D, self.G_of(G, z), fake)
            grad_D = torch.autograd.grad(plain_cost_D(self.D_of(D, x, real), p_fake), D, retain_graph=True)
            both = self.recipe.update == "simultaneous" and turn == k - 1
            grad_G = torch.autograd.grad(plain_cost_G(p_fake, self.recipe.generator_cost), G) if both else None
            self.descend(self.D, self.v_D, grad_D, self.recipe.lr_D)
            if both:
                self.descend(self.G, self.v_G, grad_G, self.recipe.lr_G)
            self.t += 1
        if self.recipe.update == "alternating":
            self.t -= 1  # G moves at the rate of D's last update
            G = [p.clone().requires_grad_() for p in self.G]
            z = self.noise(m)
            cost = plain_cost_G(self.D_of(self.D, self.G_of(G, z), self.masks(m)), self.recipe.generator_cost)
            self.descend(self.G, self.v_G, torch.autograd.grad(cost, G), self.recipe.lr_G)
            self.t += 1


def largest_difference(trainer, plain):
    pairs = [
        (trainer.G.parameters(), plain.G),
        (trainer.D.parameters(), plain.D),
        (trainer.velocity["G"], plain.v_G),
        (trainer.velocity["D"], plain.v_D),
    ]
    return max((a - b).abs().max().item() for own, theirs in pairs for a, b in zip(own, theirs, strict=True))
