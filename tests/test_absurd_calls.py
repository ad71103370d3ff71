"""Absurd calls of the public API: a wrong type or a senseless value for each argument ends in one clear error, soon."""

from __future__ import annotations

import inspect
import math

import numpy as np
import torch

from ganlib import densities, game, images, parzen, theory
from ganlib.densities import Drawn, Gaussian, Mixture, Modes, Pushforward, Uniform
from ganlib.nets import Discriminator, Generator, Layer
from tests.absurd import (
    HUGE,
    NO_ARRAY,
    NO_DENSITY,
    NO_FLOATS,
    NO_FUNCTION,
    NO_LOGITS,
    NO_NUMBER,
    NO_NUMBERS,
    NO_PIXELS,
    NO_RNG,
    NO_ROWS,
    NO_SHAPE,
    NO_STRING,
    NO_TORCH_RNG,
    NO_WHOLE,
    Bad,
    Call,
    refused,
)

AT_LEAST = 300  # calls that are refused


def calls() -> list[Call]:
    """Every one, on objects of its own."""
    p, q, rng = Gaussian(0, 1), Uniform(-1, 2), np.random.default_rng(0)
    line = Pushforward([-2.0, 0.0, 2.0], [0.0, 1.0, 3.0])
    nodes, w = theory.quadrature(p, q)
    G, D = Generator(2, [Layer(3, "linear", 0.1)]), Discriminator(3, [Layer(1, "sigmoid", 0.1)])
    E, pairs = Generator(3, [Layer(2, "linear", 0.1)]), Discriminator(5, [Layer(1, "sigmoid", 0.1)])
    x, z, seed = torch.rand(4, 3), torch.randn(4, 2), torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (5, 3), dtype=torch.uint8)
    found = [
        Call(Gaussian, {"mean": 0, "std": 1}, {"mean": NO_NUMBER, "std": (*NO_NUMBER, 0, -1, 1e-200, 1e200)}),
        Call(Uniform, {"low": 0, "high": 1}, {"low": (*NO_NUMBER, 1, 2), "high": (*NO_NUMBER, 0, 1e-300, 1e200)}),
        Call(
            Mixture,
            {"parts": (p, q), "weights": (1, 2)},
            {
                "parts": (*NO_DENSITY, (), (p, 3)),
                "weights": (3, "ab", (1,), (0, 0), (-1, 2), ("a", "b"), (math.nan, 1), (HUGE, 1)),
            },
        ),
        Call(
            Drawn,
            {"x": [0, 1], "heights": [1, 2]},
            {
                "x": (*NO_NUMBERS, [1, 0], [0], [0, 1e-320], [0, 1e300]),
                "heights": (*NO_NUMBERS, [0, 0], [1, -1], [1], [1, math.inf]),
            },
        ),
        Call(
            Modes,
            {"centres": ((0, 0), (1, 1)), "std": 0.1},
            {
                "centres": (None, 3, "ab", (), ((0,),), ((0, 0, 0),), ((0, "a"),), ((0, math.nan),)),
                "std": (*NO_NUMBER, 0),
            },
        ),
        Call(
            densities.ring,
            {"n": 8, "radius": 2, "std": 0.1},
            {"n": (*NO_WHOLE, 0), "radius": NO_NUMBER, "std": (*NO_NUMBER, 0)},
        ),
        Call(
            densities.grid,
            {"side": 5, "spacing": 1, "std": 0.1},
            {"side": (*NO_WHOLE, 0), "spacing": NO_NUMBER, "std": (*NO_NUMBER, 0)},
        ),
        Call(Modes(((0, 0),), 0.1).sample, {"n": 3, "rng": rng}, {"n": NO_WHOLE, "rng": NO_RNG}),
        Call(
            Modes(((0, 0),), 0.1).quality,
            {"x": np.ones((3, 2))},
            {"x": (*NO_NUMBERS, 3, np.ones((3, 3)), np.ones((0, 2)))},
        ),
        Call(
            Modes(((0, 0),), 0.1).covered,
            {"x": np.ones((3, 2))},
            {"x": (*NO_NUMBERS, 3, np.ones((3, 3)), np.ones((0, 2)))},
        ),
        Call(
            Pushforward,
            {"z": [-2, 2], "x": [0, 1], "p_z": "normal", "even": True},
            {
                "z": (*NO_NUMBERS, 3, [2, -2], [0], [-math.inf, 2]),
                "x": (*NO_NUMBERS, [0], [0, math.nan], [0, 1e200]),
                "p_z": (*NO_STRING, "", "sphere"),
                "even": (None, 1, "yes"),
            },
        ),
        Call(line.cdf, {"x": 0.5}, {"x": NO_NUMBERS}),
        Call(line.G, {"z": 0.5}, {"z": NO_NUMBERS}),
        Call(line.in_bins, {"edges": [0, 1]}, {"edges": (*NO_NUMBERS, 3, [1, 0], [0])}),
        Call(densities.log_pdf, {"p": p, "x": 0.5}, {"p": NO_DENSITY, "x": NO_NUMBERS}),
        Call(densities.prior_pdf, {"p_z": "uniform", "z": 0.5}, {"p_z": (*NO_STRING, "cauchy"), "z": NO_NUMBERS}),
        Call(densities.prior_cdf, {"p_z": "uniform", "z": 0.5}, {"p_z": (*NO_STRING, "cauchy"), "z": NO_NUMBERS}),
        Call(
            densities.relu_line,
            {"layers": [([[1.0], [2.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])], "p_z": "uniform"},
            {
                "layers": (
                    None,
                    3,
                    "ab",
                    [],
                    [3],
                    [([[1.0]],)],
                    [([[1.0, 1.0]], [0.0])],
                    [([[1.0]], [0.0, 0.0])],
                    [("a", "b")],
                    [(np.ones((0, 1)), [])],
                ),
                "p_z": NO_STRING,
            },
        ),
        Call(theory.shares, {"p": p, "q": q, "order": 4}, {"p": NO_DENSITY, "q": NO_DENSITY, "order": (*NO_WHOLE, 0)}),
        Call(
            lambda densities, order: theory.quadrature(*densities, order=order),
            {"densities": [p, q], "order": 4},
            {"densities": ([], [3], [p, None], ["p"]), "order": (*NO_WHOLE, 0)},
        ),
        Call(
            theory.expectation,
            {"f": np.square, "p": p, "order": 4},
            {"f": (*NO_FUNCTION, lambda x: x[:3], lambda x: "x"), "p": NO_DENSITY, "order": NO_WHOLE},
        ),
        Call(theory.D_star, {"p_data": p, "p_g": q}, {"p_data": NO_DENSITY, "p_g": NO_DENSITY}),
        Call(theory.D_star(p, line), {"x": 0.5}, {"x": NO_NUMBERS}),
        Call(
            theory.V,
            {"D": lambda x: 0.5, "p_data": p, "p_g": q, "logit": False, "order": 4},
            {
                "D": (*NO_FUNCTION, lambda x: 2.0, lambda x: math.nan, lambda x: x[:3], lambda x: None),
                "p_data": NO_DENSITY,
                "p_g": NO_DENSITY,
                "logit": (None, 1, "yes"),
                "order": NO_WHOLE,
            },
        ),
        Call(
            theory.V_C_JSD,
            {"logit": np.square, "p_data": p, "p_g": q, "order": 4},
            {"logit": (*NO_FUNCTION, lambda x: x[:3]), "p_data": NO_DENSITY, "p_g": NO_DENSITY, "order": NO_WHOLE},
        ),
        *(
            Call(f, dict(zip(names, (p, q))) | {"order": 4}, {name: NO_DENSITY for name in names} | {"order": NO_WHOLE})
            for f, names in (
                (theory.C, ("p_data", "p_g")),
                (theory.KL, "pq"),
                (theory.JSD, "pq"),
                (theory.total_variation, "pq"),
            )
        ),
        Call(
            theory.multiplicative_step,
            {"p_data": p.pdf(nodes), "p_g": q.pdf(nodes), "w": w, "step": 0.5},
            {
                "p_data": (*NO_ARRAY, w[:2], -w, 0 * w, w / 0),
                "p_g": (*NO_ARRAY, w[:2], -w, 0 * w),
                "w": (*NO_ARRAY, w[:2], w[None]),
                "step": (*NO_NUMBER, 0, 1.5),
            },
        ),
        Call(
            theory.U,
            {"p_g": q.pdf(nodes), "D": 0.5 + 0 * w, "p_data": p.pdf(nodes), "w": w},
            {
                "p_g": (*NO_ARRAY, w[:2]),
                "D": (*NO_ARRAY, w[:2], w + 2, w * math.nan),
                "p_data": (*NO_ARRAY, w[:2]),
                "w": (*NO_ARRAY, w[:2]),
            },
        ),
        Call(
            theory.dirac_gan,
            {"n": 3, "step": 0.2, "update": "simultaneous", "cost": "minimax", "gamma": 0.0, "start": (1, 0)},
            {
                "n": (*NO_WHOLE, 10**9),
                "step": NO_NUMBER,
                "update": (*NO_STRING, ""),
                "cost": (*NO_STRING, "features"),
                "gamma": NO_NUMBER,
                "start": (None, 3, "ab", (1,), (1, 2, 3), ("a", 1), (math.nan, 0)),
            },
        ),
        # -- images
        Call(
            images.scale,
            {"pictures": pixels, "dtype": torch.float32, "pixels": "unit"},
            {"pictures": NO_PIXELS, "dtype": (None, "float32", np.float32, torch.int64), "pixels": (*NO_STRING, "zca")},
        ),
        Call(images.gcn, {"pictures": 255 * x}, {"pictures": NO_FLOATS}),
        Call(
            images.shown,
            {"x": x, "pixels": "gcn", "largest": 2.0},
            {"x": NO_FLOATS, "pixels": (*NO_STRING, "zca"), "largest": NO_NUMBER[1:]},
        ),
        Call(
            images.shown_beside,
            {"samples": x, "neighbours": x, "pixels": "gcn"},
            {"samples": NO_FLOATS, "neighbours": NO_FLOATS, "pixels": (*NO_STRING, "zca")},
        ),
        Call(images.mean_picture, {"pictures": pixels}, {"pictures": (*NO_PIXELS, pixels[0], pixels[:0])}),
        Call(images.tiles, {"pictures": x, "shape": (1, 1, 3)}, {"pictures": (*NO_ROWS, x[:, :2]), "shape": NO_SHAPE}),
        Call(
            images.mosaic,
            {"pictures": x, "shape": (1, 1, 3), "columns": 2, "gap": 1, "paper": 0},
            {
                "pictures": NO_ROWS,
                "shape": NO_SHAPE,
                "columns": (*NO_WHOLE, 0, 10**9),
                "gap": (*NO_WHOLE, 10**6),
                "paper": (*NO_WHOLE, 256),
            },
        ),
        Call(
            images.in_rows,
            {"images": np.ones((2, 3, 3), np.uint8), "columns": 2, "gap": 1, "paper": 0},
            {
                "images": (*NO_ARRAY, np.ones((2, 3, 3)), np.ones((2, 3), np.uint8)),
                "columns": (*NO_WHOLE, 0),
                "gap": NO_WHOLE,
                "paper": NO_WHOLE,
            },
        ),
        Call(
            images.png,
            {"sheet": np.ones((2, 3), np.uint8), "zoom": 2},
            {
                "sheet": (*NO_ARRAY, np.ones((2, 3)), np.ones((0, 3), np.uint8), np.ones((2, 3, 2), np.uint8)),
                "zoom": (*NO_WHOLE, 0, 10**6),
            },
        ),
        Call(images.filters, {"weight": x}, {"weight": NO_FLOATS}),
        Call(
            images.nearest,
            {"queries": x, "pictures": pixels, "chunk": 2, "pixels": "unit"},
            {
                "queries": (*NO_ROWS, x[:, :2]),
                "pictures": (*NO_PIXELS, pixels[:0], pixels[:, :2]),
                "chunk": (*NO_WHOLE[:-5], 0),
                "pixels": (*NO_STRING, "zca"),
            },
        ),
        # -- the game
        Call(game.softplus, {"a": x}, {"a": NO_LOGITS}),
        Call(game.value, {"a_real": x[0], "a_fake": x[1]}, {"a_real": NO_LOGITS, "a_fake": NO_LOGITS}),
        Call(game.discriminator_cost, {"a_real": x[0], "a_fake": x[1]}, {"a_real": NO_LOGITS, "a_fake": NO_LOGITS}),
        Call(
            game.generator_cost,
            {"a_fake": x[0], "cost": "minimax"},
            {"a_fake": NO_LOGITS, "cost": (*NO_STRING, "features")},
        ),
        Call(
            game.fused_factor,
            {"a_fake": x[0], "cost": "minimax"},
            {"a_fake": NO_LOGITS, "cost": (*NO_STRING, "features")},
        ),
        Call(
            game.feature_cost,
            {"f_real": x, "f_fake": x},
            {"f_real": (*NO_FLOATS, x[0], x[:, :2]), "f_fake": (*NO_FLOATS, x[0])},
        ),
        Call(
            game.prior,
            {"name": "uniform", "m": 3, "z_dim": 2, "rng": seed, "dtype": torch.float32},
            {
                "name": (*NO_STRING, "cauchy"),
                "m": (*NO_WHOLE, 10**9),
                "z_dim": (*NO_WHOLE, 0, 10**9),
                "rng": NO_TORCH_RNG,
                "dtype": (None, "float32", torch.int64),
            },
        ),
        Call(game.interpolate, {"points": z, "n": 5}, {"points": (*NO_ROWS, z[:1]), "n": (*NO_WHOLE, 1, 10**9)}),
        Call(
            game.on_path,
            {"points": z, "t": torch.rand(3)},
            {"points": (*NO_ROWS, z[:1]), "t": (*NO_FLOATS, torch.ones(2, 2))},
        ),
        Call(
            game.discriminator_gradients,
            {"D": D, "x": x, "fake": x, "rng": seed},
            {
                "D": (None, 3, "D", Bad()),
                "x": (*NO_FLOATS, x[:, :2]),
                "fake": (*NO_FLOATS, x[:, :2]),
                "rng": NO_TORCH_RNG[1:],
            },
        ),
        Call(
            game.generator_gradients,
            {"G": G, "D": D, "z": z, "cost": "minimax", "rng": seed},
            {
                "G": (None, 3, Bad()),
                "D": (None, 3, Bad()),
                "z": NO_FLOATS,
                "cost": (*NO_STRING, "features"),
                "rng": NO_TORCH_RNG[1:],
            },
        ),
        Call(
            game.simultaneous_gradients,
            {"G": G, "D": D, "x": x, "z": z, "cost": "minimax", "rng": seed},
            {
                "G": (None, 3, Bad()),
                "D": (None, 3, Bad()),
                "x": (*NO_FLOATS, x[:, :2]),
                "z": NO_FLOATS,
                "cost": (*NO_STRING, "features"),
                "rng": NO_TORCH_RNG[1:],
            },
        ),
        Call(
            game.inference_gradients, {"E": E, "x": x, "z": z}, {"E": (None, 3, Bad()), "x": NO_FLOATS, "z": NO_FLOATS}
        ),
        Call(
            game.joint_gradients,
            {"G": G, "E": E, "D": pairs, "x": x, "z": z, "cost": "minimax", "rng": seed},
            {
                "G": (None, 3),
                "E": (None, 3),
                "D": (None, 3),
                "x": NO_FLOATS,
                "z": NO_FLOATS,
                "cost": (*NO_STRING, "features"),
            },
        ),
        Call(
            game.feature_gradients,
            {
                "G": G,
                "D": Discriminator(3, [Layer(4, "relu", 0.1), Layer(1, "sigmoid", 0.1)]),
                "x": x,
                "z": z,
                "cost": "features",
                "rng": seed,
            },
            {"G": (None, 3), "D": (None, 3), "x": NO_FLOATS, "z": NO_FLOATS, "cost": (*NO_STRING, "cubic")},
        ),
        # -- the score
        Call(
            parzen.log_likelihood,
            {"x": x, "centres": x, "sigmas": [0.2]},
            {"x": NO_ROWS[:3], "centres": (*NO_ROWS[:3], x[:, :2]), "sigmas": (*NO_NUMBERS, [0], [HUGE])},
        ),
        Call(parzen.fine_sigmas_near, {"best": 3}, {"best": NO_WHOLE}),
        Call(
            parzen.choose_sigma,
            {"valid": x, "centres": x, "sigmas": [0.2, 0.3]},
            {"valid": NO_ROWS[:3], "centres": (*NO_ROWS[:3], x[:, :2]), "sigmas": (*NO_NUMBERS, [0])},
        ),
        Call(
            parzen.validation_score,
            {"centres": x, "valid": x},
            {"centres": NO_ROWS[:3], "valid": (*NO_ROWS[:3], x[:, :2])},
        ),
        Call(
            parzen.score,
            {"centres": x, "valid": x, "test": x, "data": "x", "split": "test", "sigmas": [0.2]},
            {
                "centres": NO_ROWS[:3],
                "valid": NO_ROWS[:3],
                "test": (*NO_ROWS[:3], x[:, :2]),
                "data": NO_STRING,
                "split": NO_STRING,
                "sigmas": NO_NUMBERS,
            },
        ),
        Call(
            parzen.folds_score,
            {"centres": x, "folds": [(x, x), (x, x)], "data": "x", "sigmas": [0.2]},
            {
                "centres": NO_ROWS[:3],
                "folds": (None, 3, [], [(x, x)], [x, x], [(x,), (x,)], [(x, 3)] * 2, "ab"),
                "data": NO_STRING,
                "sigmas": NO_NUMBERS,
            },
        ),
    ]
    return found


def test_every_public_function_is_called():
    called = {call.f.__qualname__ for call in calls()} | {"quadrature"}
    for module in (parzen, images, densities, theory, game):
        own = {name: f for name, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__}
        missing = {name for name in own if not name.startswith("_")} - called
        assert not missing, f"{module.__name__}: {missing}"


def test_absurd_calls_of_the_core_end_in_one_clear_error():
    assert refused(calls()) >= AT_LEAST
