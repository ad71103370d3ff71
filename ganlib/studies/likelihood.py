"""log p(x) of the models that the paper compares itself with, nats: counted, bounded, by importance sampling.

For machines too large to be counted `ais.log_z` estimates log Z.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.special import entr

from ganlib.baselines.dbm import DBM
from ganlib.baselines.rbm import RBM, RBMRecipe
from ganlib.baselines.vae import VAE
from ganlib.errors import RecipeError

ENUMERABLE = 20  # units of the smaller layer, at most, for an exact Z


def log_z(rbm: RBM) -> Tensor:
    """log Z of an RBM exactly: a sum over every state of the smaller layer.

    Raises `RecipeError` when that layer has more than 20 units; `ais.log_z` estimates it for any machine.
    """
    n = min(rbm.W.shape)
    if n > ENUMERABLE:
        raise RecipeError(
            f"the smaller layer has {n} units, so Z is a sum of 2^{n} terms; it is exact for up to {ENUMERABLE} "
            "units: estimate it with ganlib.studies.ais.log_z"
        )
    parts = []
    for index in torch.arange(2**n, device=rbm.W.device).split(4096):
        s = (index[:, None] >> torch.arange(n, device=rbm.W.device) & 1).to(rbm.W)
        if n == rbm.d:
            parts.append(-rbm.free_energy(s))
        else:
            parts.append(s @ rbm.c + softplus(torch.addmm(rbm.b, s, rbm.W.T)).sum(1))
    return torch.cat(parts).logsumexp(0)


def log_p(rbm: RBM, v: Tensor, Z: Tensor | float | None = None) -> Tensor:
    """log p(v) of bits v (m, d) by an RBM: (m,). `Z` is log Z; with none the exact one, of which see the errors."""
    return -rbm.free_energy(v) - (log_z(rbm) if Z is None else Z)


def bipartite(dbm: DBM) -> RBM:
    """The p of a DBM as an RBM: h^1 is its hidden layer, (v, h^2) its visible one. For `ais.log_z`."""
    rbm = RBM(RBMRecipe(hidden=len(dbm.c1)), torch.cat([dbm.mean, dbm.beta2]), seed=0).to(dbm.W1)
    rbm.W.copy_(torch.cat([dbm.W1, dbm.W2.T]))
    rbm.b.copy_(torch.cat([dbm.b, dbm.c2]))
    rbm.c.copy_(dbm.c1)
    return rbm


def bound(dbm: DBM, v: Tensor, Z: float | Tensor, steps: int = 50) -> Tensor:
    """The variational lower bound of log p(v) of bits v (m, d) by a DBM whose log Z is `Z`: (m,).

    E_q log p*(v, h^1, h^2) + H(q) - log Z, with the q of so many steps of mean field.
    """
    mu1, mu2 = dbm.mean_field(v, steps)
    energy = v @ dbm.b + mu1 @ dbm.c1 + mu2 @ dbm.c2 + ((v @ dbm.W1 + mu2 @ dbm.W2.T) * mu1).sum(1)
    entropy = sum((entr(mu) + entr(1 - mu)).sum(1) for mu in (mu1, mu2))
    return energy + entropy - Z


@torch.no_grad()
def by_encoder(vae: VAE, x: Tensor, rng: torch.Generator, k: int = 100) -> Tensor:
    """log of the mean of p(x | z) p(z) / q(z | x) over k draws of q: (m,). A bound of log p(x), tight as k grows."""
    mu, log_var = vae.q(x)
    each = []
    for _ in range(k):
        noise = torch.randn(mu.shape, generator=rng, device=x.device, dtype=mu.dtype)
        z = mu + (log_var / 2).exp() * noise
        each.append(vae.log_p_x_given(z, x) + (noise.square() + log_var - z.square()).sum(1) / 2)
    return torch.stack(each).logsumexp(0) - math.log(k)
