"""Averages, seeds and precision: what each is worth."""

from collections.abc import Mapping

from ganlib.studies.long_runs import (
    AVERAGE,
    LAST,
    Live,
    look_back,  # noqa: F401
    look_back_gain,
    parts,  # noqa: F401
    precision,  # noqa: F401
    recorded,
    rows,
    score_now,  # noqa: F401
    scores,
    seeds_of,
    steps,  # noqa: F401
)

# -- averages --------------------------------------------------------------------------------------------------------


def lengths() -> str:
    """Averages of several lengths of seed 0, on the test digits."""
    tested = scores().query("run == 'seed 0' and split == 'test' and iterate != @LAST")
    found = {name: int(f"{name}, 33333".split()[1].strip(",")) for name in tested["iterate"].unique()}
    lines = []
    for name, back in sorted(found.items(), key=lambda pair: pair[1]):
        table = rows("seed 0", "test", name)["paper"]
        at = dict.fromkeys(f"{table[e]:.1f} at epoch {e:g}" for e in (300, 500, table.index[-1]) if e in table)
        lines.append(f"average over at most {back:,} steps: {', '.join(at)}")
    return "\n".join(lines)


def look_back_says() -> str:
    """The test scores of the runs whose average looks back over a half."""
    lines = []
    for run in ("half", "faster"):
        one, last = (rows(run, "test", name).iloc[-1] for name in (AVERAGE, LAST))
        words = f"{one.paper:.1f} ± {one.error:.1f} nats ({one.fine:.1f} by the fine grid)"
        lines.append(f"{run}, epoch {one.name:g}, all test digits: average over a half of the run {words},")
        lines.append(f"  last iterate {last.paper:.1f}.")
    part = look_back_gain()
    lines.append(f"Over a half and not a tenth: {part.nats} nats ({part.compared});")
    return "\n".join([*lines, f"  {part.error}."])


# -- seeds and precision ---------------------------------------------------------------------------------------------


def seeds_say() -> str:
    """The scores of the seeds at the latest epoch that they share, their spread there, and over all epochs."""
    lines = []
    for name, split in ((name, split) for name in (LAST, AVERAGE) for split in ("validation", "test")):
        table, typical = seeds_of(name, split)
        listed = ", ".join(f"{score:.1f} ({run})" for run, score in table.iloc[-1].dropna().items())
        lines.append(f"{name}, {split}, epoch {table.index[-1]:g}: {listed};")
        first, alone = table.index[0], table.iloc[-1].std(ddof=1)
        lines.append(
            f"  standard deviation {alone:.1f} nats; pooled over the {len(table)} scorings from epoch {first:g} on: "
            f"{typical:.1f} nats."
        )
    return "\n".join(lines)


def precision_says(found: Mapping[str, tuple[float, float, float]], live: Live) -> str:
    """The same in words."""
    if not live.compares:
        return "Not measured here."
    words = "{}: weights in float32 {:.2f}, in float16 {:.2f}, in bfloat16 {:.2f} nats"
    return "\n".join(words.format(name, *values) for name, values in found.items())


def alternating_end() -> str:
    """How the alternating run ended."""
    end = recorded()["alternating"]["end"]
    said = f"D(x) = {end['D_real']:.5f}, D(G(z)) = {end['D_fake']:.5f}, V = {end['V']:.5f}"
    return f"alternating, after step {end['step']:,.0f}: {said}; the gradient of G is {end['norm_G']:.5f} long."
