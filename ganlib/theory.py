"""Section 4 of the paper in numbers: V, D*, C and the divergences by quadrature in float64, in nats, atoms included.

`order` Gauss-Legendre nodes lie between two knots: 20 give all but the total variation right to 1e-13, 6 to 1e-8.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, xlog1py, xlogy

from ganlib.densities import Array, Density, log_pdf
from ganlib.errors import RecipeError, Within, brief, door, table

MINUS_LOG_4 = -math.log(4)  # the global minimum of C(G), reached exactly at p_g = p_data (Theorem 1), nats
NOTHING = 1e-300  # less probability than this at a node counts as none
UPDATES, COSTS = ("simultaneous", "alternating"), ("minimax", "non-saturating")
Function = Callable[[Array], ArrayLike]
Order = Annotated[int, Within(1, 1_000)]  # nodes between two knots
_gauss_legendre = lru_cache(np.polynomial.legendre.leggauss)  # nodes and weights on [-1, 1]


@door(RecipeError)
def quadrature(*densities: Density, order: Order = 20) -> tuple[Array, Array]:
    """Nodes x (n,) and weights w (n,) such that sum(w f(x)) is the integral of an f made of these densities.

    >>> from ganlib.densities import Gaussian
    >>> x, w = quadrature(Gaussian(2, 0.1))
    >>> bool(abs((w * Gaussian(2, 0.1).pdf(x)).sum() - 1) < 1e-14)
    True
    """
    if not densities:
        raise RecipeError("there is nothing to integrate: give a density, such as Gaussian(0, 1)")
    knots = np.unique(np.concatenate([density.knots for density in densities]))
    t, w = _gauss_legendre(order)
    width = np.diff(knots)[:, None]
    return (knots[:-1, None] + width * ((t + 1) / 2)).ravel(), (width * (w / 2)).ravel()


def _atoms(density: Density) -> tuple[Array, Array]:
    """The x and the probabilities of a density's atoms; most have none."""
    return getattr(density, "atoms", (np.empty(0), np.empty(0)))


@door(RecipeError)
def shares(p: Density, q: Density, order: Order) -> tuple[Array, Array, Array]:
    """Nodes x, each atom one of them, and the probability that p and that q give to each: three times (n,)."""
    x, w = quadrature(p, q, order=order)
    at = _places(p, q)
    P, Q = (np.concatenate([w * density.pdf(x), _mass_at(density, at)]) for density in (p, q))
    return np.concatenate([x, at]), P, Q


def _places(p: Density, q: Density) -> Array:
    """Where p or q has an atom, ascending."""
    return np.unique(np.concatenate([_atoms(p)[0], _atoms(q)[0]]))


def _mass_at(density: Density, at: Array) -> Array:
    """The probability of a density's atoms at the points `at`, ascending, which hold all of them: (n,)."""
    x, mass = _atoms(density)
    return np.bincount(np.searchsorted(at, x), mass, len(at))


@door(RecipeError)
def expectation(f: Function, p: Density, *others: Density, order: Order = 20) -> float:
    """E_{x ~ p} f(x), atoms included. `others`: densities that f is made of, whose knots it shares."""
    x, w = quadrature(p, *others, order=order)
    at, mass = _atoms(p)
    density = p.pdf(x)
    inside = w * density > NOTHING
    smooth = (w * density)[inside] @ _at(f, x[inside])
    return float(smooth + (mass @ _at(f, at) if len(at) else 0.0))


def _at(f: Function, x: Array) -> Array:
    """The function at the points x (n,), as numbers (n,); one number stands for all of them."""
    values = table(f(x))
    if values is None or values.shape not in ((), x.shape):
        raise RecipeError(f"a function of {len(x)} points gave {brief(values)}; it must give as many numbers")
    return np.broadcast_to(values, x.shape)


@door(RecipeError)
def D_star(p_data: Density, p_g: Density) -> Callable[[ArrayLike], Array]:
    """Proposition 1: D*_G(x) = p_data(x) / (p_data(x) + p_g(x)); 1/2 where both vanish, which V never sees.

    >>> from ganlib.densities import Gaussian
    >>> float(D_star(Gaussian(0, 1), Gaussian(0, 1))(3.0))
    0.5
    """
    at = _places(p_data, p_g)

    def D(x: ArrayLike) -> Array:
        """p_data / (p_data + p_g) at x."""
        x = table(x)
        if x is None:
            raise RecipeError("D takes numbers x")
        p, g = p_data.pdf(x), p_g.pdf(x)
        if len(at):  # there, the lumps of probability decide
            i = np.minimum(np.searchsorted(at, x), len(at) - 1)
            p, g = (np.where(at[i] == x, _mass_at(q, at)[i], y) for q, y in ((p_data, p), (p_g, g)))
        total = p + g
        return np.divide(p, total, out=np.full_like(total, 0.5), where=total > 0)

    return D


@door(RecipeError)
def V(D: Function, p_data: Density, p_g: Density, *, logit: bool = False, order: Order = 20) -> float:
    """V(D, G) = E_{x ~ p_data} log D(x) + E_{x ~ p_g} log(1 - D(x)), eq. 3, nats.

    D gives probabilities (one that rounds to 1 counts as the largest float below it: D* does where p_g is 1e-17 of
    p_data), or with `logit` a(x) = log D - log(1 - D), which is exact where D is near 0 or 1.
    """

    def log_D(x: Array) -> Array:
        """log D(x), from the logit where D gives that."""
        return -np.logaddexp(0, -_at(D, x)) if logit else np.log(_probability(_at(D, x)))

    def log_not_D(x: Array) -> Array:
        """log(1 - D(x)), from the logit where D gives that."""
        return -np.logaddexp(0, _at(D, x)) if logit else np.log1p(-_probability(_at(D, x)))

    with np.errstate(divide="ignore"):
        on_data = expectation(log_D, p_data, p_g, order=order)
        return on_data + expectation(log_not_D, p_g, p_data, order=order)


def _probability(D: ArrayLike) -> Array:
    """D's values as log D and log(1 - D) can take them. Raises `RecipeError` on what is no probability."""
    D = np.asarray(D, float)
    if not np.all((D >= 0) & (D <= 1)):
        raise RecipeError("D gives values outside [0, 1]; if they are logits, say logit=True")
    return np.where(D == 1, np.nextafter(1, 0), D)


@door(RecipeError)
def C(p_data: Density, p_g: Density, *, order: Order = 20) -> float:
    """C(G) = max_D V(D, G) = V(D*, G) (eq. 4), nats; between -log 4 and 0."""
    return _C(*shares(p_data, p_g, order)[1:])


def _C(P: Array, Q: Array) -> float:
    """max_D sum P log D + Q log(1 - D), for the probabilities of p_data and p_g at the nodes."""
    total = np.where(P + Q > 0, P + Q, 1.0)
    return float((xlogy(P, P / total) + xlogy(Q, Q / total)).sum())


@door(RecipeError)
def V_C_JSD(logit: Function, p_data: Density, p_g: Density, *, order: Order = 20) -> tuple[float, float, float]:
    """V(D, G), C(G) and JSD(p_data || p_g) on the same nodes, nats; `logit` is D's.

    V <= C holds exactly, as D* is the best D at each node. A D with kinks of its own makes V exact to about 1e-4.
    """
    x, P, Q = shares(p_data, p_g, order)
    a = _at(logit, x)
    V = -(P @ np.logaddexp(0, -a)) - (Q @ np.logaddexp(0, a))
    C = _C(P, Q)
    return float(V), C, (C - MINUS_LOG_4) / 2


@door(RecipeError)
def KL(p: Density, q: Density, *, order: Order = 20) -> float:
    """KL(p || q) = E_p log(p / q), nats; infinite where p has mass and q has none."""
    x, w = quadrature(p, q, order=order)
    P, log_q = w * p.pdf(x), log_pdf(q, x)
    at = _places(p, q)
    lump, lump_q = _mass_at(p, at), _mass_at(q, at)
    seen = P > NOTHING
    if np.any(np.isneginf(log_q[seen])) or np.any((lump > 0) & (lump_q == 0)):
        return math.inf
    return float(P[seen] @ (log_pdf(p, x)[seen] - log_q[seen]) + (xlogy(lump, lump) - xlogy(lump, lump_q)).sum())


@door(RecipeError)
def JSD(p: Density, q: Density, *, order: Order = 20) -> float:
    """JSD(p || q) = 1/2 KL(p || m) + 1/2 KL(q || m), m = (p + q)/2: nats, from 0 to log 2.

    >>> from ganlib.densities import Gaussian
    >>> round(JSD(Gaussian(0, 1), Gaussian(1, 1)), 12)
    0.111421482185
    """
    _, P, Q = shares(p, q, order)
    m = np.where(P + Q > 0, (P + Q) / 2, 1.0)
    return float((xlogy(P, P / m) + xlogy(Q, Q / m)).sum() / 2)


@door(RecipeError)
def total_variation(p: Density, q: Density, *, order: Order = 20) -> float:
    """1/2 integral |p - q|: the largest difference of the two probabilities of any set, from 0 to 1.

    Its integrand has kinks where p = q, so this one is exact only to about 1e-4 at the default order.
    """
    _, P, Q = shares(p, q, order)
    return float(np.abs(P - Q).sum() / 2)


# -- Proposition 2: in function space, and where parameters are few --------------------------------------------------


@door(RecipeError)
def multiplicative_step(
    p_data: Array, p_g: Array, w: Array, step: Annotated[float, Within(0, 1, above=True)] = 1.0
) -> Array:
    """One step of p_g down C in function space, D at its optimum: p_g exp(-step dU/dp_g) / Z, on nodes with weights w.

    dU/dp_g = log(1 - D*) (Proposition 2). With step 1 it is (p_g + p_data) / 2, so the total variation halves.
    """
    _nodes(p_data=p_data, p_g=p_g, w=w)
    total = p_data + p_g
    if not ((p_data >= 0).all() and (p_g >= 0).all() and w @ p_data > 0 and w @ p_g > 0):
        raise RecipeError("p_data and p_g must be >= 0 on the nodes, and their areas above 0")
    raised = p_g ** (1 - step) * total**step  # p_g exp(-step log(p_g / total))
    return raised / (w @ raised)


def _nodes(**densities: Array) -> None:
    """Raise `RecipeError` unless these are finite numbers at the same nodes (n,)."""
    shapes = {values.shape for values in densities.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        told = ", ".join(f"{name} {values.shape}" for name, values in densities.items())
        raise RecipeError(f"densities on the same nodes are (n,), all of them; got {told}")
    for name, values in densities.items():
        if not np.isfinite(values).all():
            raise RecipeError(f"{name} holds values on the nodes that are not finite numbers")


@door(RecipeError)
def U(p_g: Array, D: Array, p_data: Array, w: Array) -> float:
    """U(p_g, D) = V(D, G) as a function of p_g, on nodes with weights w, nats: linear in p_g (Proposition 2).

    D gives probabilities; one that rounds to 1 counts as in `V`.
    """
    _nodes(p_data=p_data, p_g=p_g, w=w)
    if D.shape != w.shape:
        raise RecipeError(f"D is {D.shape} and the weights of the nodes {w.shape}; it must be a number for each")
    return float(w @ (xlogy(p_data, D) + xlog1py(p_g, -_probability(D))))


@door(RecipeError)
def dirac_gan(
    n: Annotated[int, Within(0, 100_000)],
    *,
    step: float = 0.2,
    update: str = "simultaneous",
    cost: str = "minimax",
    gamma: float = 0.0,
    start: tuple[float, float] = (1.0, 0.0),
) -> Array:
    """n steps of the Dirac-GAN (Mescheder et al. 2018): data at 0, G's sample at theta, D(x) = sigmoid(psi x).

    V = log D(0) + log(1 - D(theta)). psi climbs V - gamma/2 psi^2 (gamma: the R1 penalty); theta descends
    log(1 - D(theta)) ("minimax") or -log D(theta) ("non-saturating"). "simultaneous" moves both from the old
    (theta, psi), "alternating" moves psi first. Returns (n + 1, 2): rows (theta, psi), the first one `start`.

    Simultaneous minimax steps multiply theta^2 + psi^2 by exactly 1 + step^2 sigmoid(psi theta)^2: near the
    equilibrium (0, 0) the distance grows by sqrt(1 + step^2 / 4) a step.
    """
    for name, value, known in (("update", update, UPDATES), ("generator cost", cost, COSTS)):
        if value not in known:
            raise RecipeError(f"unknown {name} {value!r}; use {known[0]} or {known[1]}")
    path = np.empty((n + 1, 2))
    path[0] = theta, psi = start
    for t in range(n):
        new_psi = psi + step * (-theta * expit(psi * theta) - gamma * psi)
        used = psi if update == "simultaneous" else new_psi
        push = expit(used * theta) if cost == "minimax" else expit(-used * theta)
        theta, psi = theta + step * used * push, new_psi
        path[t + 1] = theta, psi
    return path
