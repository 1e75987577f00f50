"""Peers of the trained model: `candlewick evaluate` with trees grown by another library.

Usage: python -m bench.peers.trees ours|lightgbm|xgboost|catboost batch|forest FILE…  Prints each
model's skill. For the last trained model it then prints the CPU seconds to grow it after its rounds
were chosen, its size, the time of one answer by the library, and the memory of the whole run.
"""

import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from candlewick.offline.evaluation.evaluate import Wish, evaluate
from candlewick.offline.evaluation.find_files import find_files
from candlewick.offline.evaluation.selection import selected
from processors.models import batch
from processors.models.trees import Trees
from processors.training import batch as training
from processors.training.growing import FOREST_TREES, MOST_ROUNDS, PATIENCE, SEED, Floats, Lesson

TREES = {
    "batch": {"leaves": 15, "least": 300, "rate": 0.08},
    "forest": {"leaves": 63, "least": 100, "rate": 1.0},
}
answering: dict[str, Callable[[list[float]], float]] = {}
spent = {"growing, CPU s": 0.0, "size, KB": 0.0, "answers": 0.0, "answers, s": 0.0}


class Lightgbm:
    def __init__(self, model: str, data: Lesson, rounds: int) -> None:
        trees, rf = TREES[model], {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
        library = import_module("lightgbm")
        settings = {
            "objective": "regression", "num_leaves": trees["leaves"],
            "min_data_in_leaf": trees["least"], "feature_fraction": 0.7, "lambda_l2": 10.0,
            "seed": SEED, "deterministic": True, "force_row_wise": True, "num_threads": 1,
            "verbosity": -1,
        } | (rf if model == "forest" else {"learning_rate": trees["rate"]})  # fmt: skip
        self.booster = library.train(settings, library.Dataset(data.inputs, data.target), rounds)

    def stages(self, inputs: Floats, rounds: int) -> list[Floats]:
        return [self.booster.predict(inputs, num_iteration=i + 1) for i in range(rounds)]

    def text(self) -> str:
        return self.booster.model_to_string(num_iteration=-1)

    def one(self) -> Callable[[list[float]], float]:
        # An answer through Python's interface; the C API for single rows is 7 times faster.
        return lambda row: float(self.booster.predict(np.array([row]), num_threads=1)[0])


class Xgboost:
    def __init__(self, model: str, data: Lesson, rounds: int) -> None:
        trees, rf = TREES[model], {"num_parallel_tree": rounds, "subsample": 0.6}
        self.library = import_module("xgboost")
        settings = {
            "tree_method": "hist", "grow_policy": "lossguide", "max_depth": 0, "nthread": 1,
            "max_leaves": trees["leaves"], "min_child_weight": trees["least"], "reg_lambda": 10.0,
            "colsample_bytree": 0.7, "seed": SEED, "eta": trees["rate"],
        } | (rf if model == "forest" else {})  # fmt: skip
        matrix = self.library.DMatrix(data.inputs, data.target)
        self.booster = self.library.train(settings, matrix, 1 if model == "forest" else rounds)

    def stages(self, inputs: Floats, rounds: int) -> list[Floats]:
        matrix, grown = self.library.DMatrix(inputs), self.booster.num_boosted_rounds()
        ends = [min(i + 1, grown) for i in range(rounds)]
        return [self.booster.predict(matrix, iteration_range=(0, end)) for end in ends]

    def text(self) -> str:
        return self.booster.save_raw("json").decode()

    def one(self) -> Callable[[list[float]], float]:
        return lambda row: float(self.booster.inplace_predict(np.array([row]))[0])


class Catboost:
    def __init__(self, model: str, data: Lesson, rounds: int) -> None:
        trees = TREES[model]
        self.booster = import_module("catboost").CatBoostRegressor(
            iterations=rounds, learning_rate=trees["rate"], grow_policy="Lossguide",
            max_leaves=trees["leaves"], min_data_in_leaf=trees["least"], l2_leaf_reg=10, rsm=0.7,
            random_seed=SEED, thread_count=1, verbose=False, allow_writing_files=False,
        ).fit(data.inputs, data.target)  # fmt: skip

    def stages(self, inputs: Floats, rounds: int) -> list[Floats]:
        return list(self.booster.staged_predict(inputs))[:rounds]

    def text(self) -> str:
        return self.booster._serialize_model().hex()[::2]  # noqa: SLF001 - of its length

    def one(self) -> Callable[[list[float]], float]:
        return lambda row: float(self.booster.predict(row))


class Answering:
    """Replaces `Trees`, and measures the time of its answers."""

    def __init__(self, text: str, inputs: int) -> None:
        self.answer = answering.get(text) or Trees(text, inputs).predict

    def predict(self, row: list[float]) -> float:
        started = time.perf_counter()
        found = self.answer(row)
        spent["answers, s"] += time.perf_counter() - started
        spent["answers"] += 1
        return found


def put_in_place(peer: type[Lightgbm | Xgboost | Catboost]) -> None:
    def choose_rounds(model: str, fit: Lesson, held: Lesson) -> tuple[int, Floats]:
        rounds = FOREST_TREES if model == "forest" else MOST_ROUNDS
        stages = peer(model, fit, rounds).stages(held.inputs, rounds)
        losses = [float(np.mean((held.target - found) ** 2)) for found in stages]
        best = 0
        while losses[best] > min(losses[best : best + PATIENCE + 1]):
            best += int(np.argmin(losses[best : best + PATIENCE + 1]))
        return (rounds, stages[-1]) if model == "forest" else (best + 1, stages[best])

    def grow(model: str, data: Lesson, rounds: int) -> str:
        grown = peer(model, data, rounds)
        answering[text := grown.text()] = grown.one()
        return text

    training.choose_rounds, training.grow = choose_rounds, grow


def timed(grow: Callable[[str, Lesson, int], str]) -> Callable[[str, Lesson, int], str]:
    def growing(model: str, data: Lesson, rounds: int) -> str:
        started = time.process_time()
        text = grow(model, data, rounds)
        spent["growing, CPU s"] = time.process_time() - started
        spent["size, KB"] = len(text) / 1e3
        return text

    return growing


def main(name: str, model: str, files: list[str]) -> None:
    peers = {"lightgbm": Lightgbm, "xgboost": Xgboost, "catboost": Catboost}
    if name != "ours":
        put_in_place(peers[name])
    batch.Trees = Answering
    training.grow = timed(training.grow)
    for result in evaluate(
        selected(find_files([Path(file) for file in files])), Wish(models=(model,))
    ).symbols:
        for skill in result.skills:
            better = f"{skill.pinball_better_pct:.2f} ± {skill.pinball_better_error:.2f}"
            inside = f"{skill.overall.coverage_50:.1%} {skill.overall.coverage_90:.1%}"
            print(
                f"{result.symbol} {skill.model:10} {better} {skill.winkler_better_pct:.2f} {inside}"
            )
    print(f"{name} {model}: {spent['growing, CPU s']:.1f} s of CPU, {spent['size, KB']:.0f} KB")
    print(f"an answer {spent['answers, s'] / spent['answers'] * 1e6:.0f} µs")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
