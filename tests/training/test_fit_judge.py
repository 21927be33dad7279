"""What the judge is fitted on: of every file a part is kept apart."""

from pathlib import Path

import numpy as np

from training.fit_judge import HELD_OUT, gathered


def test_the_last_pieces_of_every_bank_are_kept_apart(tmp_path: Path) -> None:
    sizes = {"fluid1": 16, "musescore1": 24, "fluid2": 8}
    for number, (name, size) in enumerate(sizes.items()):
        np.savez(
            tmp_path / f"{name}.npz",
            scenes=100 * number + np.arange(size),
            mels=np.full((size, 2, 3), number, np.float16),
        )
    data, train = gathered([tmp_path / f"{name}.npz" for name in sizes])
    assert train == sum(int(size * (1 - HELD_OUT)) for size in sizes.values())
    assert data["scenes"][train:].tolist() == [14, 15, 121, 122, 123, 207]
    assert sorted(data["scenes"].tolist()) == sorted(
        100 * number + n for number, size in enumerate(sizes.values()) for n in range(size)
    )
    assert (data["mels"][:, 0, 0] == data["scenes"] // 100).all()
    assert data["source"][train:].tolist() == ["fluid"] * 2 + ["musescore"] * 3 + ["fluid"]
