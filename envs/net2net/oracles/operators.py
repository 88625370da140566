"""Operators: counts before and after every edit, refusals, and worked numbers."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from envs.core.oracles import Content, Outcome, differences, outcome
from envs.net2net.operators import (
    Edit,
    Refused,
    counts,
    deepen_identity,
    deepen_residual_zero,
    kernel_grow,
    merge,
    widen,
)
from envs.net2net.oracles.folders import beside
from envs.net2net.oracles.networks import Listed, example_of, place

EXACT = 1e-12
NETS = "net2net-nets/1"


def check_nets(name: str, content: Content) -> Iterator[Outcome]:
    """Every network can be built and run."""
    for net in content["nets"]:
        yield outcome(f"{name}, {net['name']}", lambda net=net: _runs(net))


def check_counts(name: str, content: Content) -> Iterator[Outcome]:
    """Parameters and MACs before and after every operator, or its refusal."""
    nets = {net["name"]: net for net in beside(content, NETS)["nets"]}
    for number, case in enumerate(content["cases"]):
        yield outcome(f"{name}, {number}: {case['net']} {case['operator']}",
                      lambda case=case: _counts(nets[case["net"]], case))


def check_operators(name: str, content: Content) -> Iterator[Outcome]:
    """Worked numbers of weights, outputs and moments."""
    parts = {"widen_linear": _widen_linear, "widen_flatten": _widen_flatten,
             "matched_batchnorm": _matched, "kernel_grow": _kernel, "shrink_replicas": _shrink}
    for part, check in parts.items():
        if part in content:
            yield outcome(f"{name}, {part}", lambda part=part, check=check: check(content[part]))


def edit_of(case: Mapping[str, Any], module: nn.Module, example: torch.Tensor) -> Edit:
    """The edit of a case; of a sequence the last one."""
    operator = case["operator"]
    if operator == "sequence":
        for line in case["edits"]:
            edit = edit_of(_single(line), module, example)
            module = edit.module
        return edit
    if operator == "deepen_identity":
        return deepen_identity(module, case["after"], example, calibration=example)
    if operator == "deepen_residual_zero":
        return deepen_residual_zero(module, case["after"], example)
    if operator == "widen":
        return widen(module, case["target"], case["width"], example)
    return kernel_grow(module, case["target"])


def _single(line: str) -> dict[str, Any]:
    """Of `widen conv0 12`, `deepen_identity act0`, `kernel_grow conv1`."""
    operator, node, *rest = line.split()
    if operator == "widen":
        return {"operator": operator, "target": node, "width": int(rest[0])}
    return {"operator": operator, "after": node, "target": node}


def _traced(net: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, Any]:
    """The case with the place of a deepening by its name in the traced network."""
    return {**case, "after": place(net, case["after"])} if "after" in case else dict(case)


def _runs(net: Mapping[str, Any]) -> list[str]:
    output = Listed(net)(example_of(net))
    return [] if bool(output.isfinite().all()) else ["the output is not finite"]


def _counts(net: Mapping[str, Any], case: Mapping[str, Any]) -> list[str]:
    module, example = Listed(net), example_of(net)
    found: dict[str, Any] = {}
    found["parameters_before"], found["macs_before"] = counts(module, example)
    try:
        edit = edit_of(_traced(net, case), module, example)
    except Refused as error:
        found["refused"] = case.get("refused", f"nothing ({error})")
    else:
        found["parameters_after"], found["macs_after"] = counts(edit.module, example)
        found |= {k: v for k, v in edit.report.items() if k == "widened_together"}
    want = {key: value for key, value in case.items()
            if (key.endswith(("before", "after")) and key not in ("after", "kernel_after"))
            or key in ("refused", "widened_together")}
    return differences(want, found)


def _doubles(layer: nn.Module, weight: Any, bias: Any = None) -> None:
    layer.double()
    layer.weight.data = torch.tensor(weight, dtype=torch.float64)
    if bias is not None:
        layer.bias.data = torch.tensor(bias, dtype=torch.float64)


def _widen_linear(case: Mapping[str, Any]) -> list[str]:
    first, second = nn.Linear(2, 3), nn.Linear(3, 2)
    _doubles(first, case["W1"], case["b1"])
    _doubles(second, case["W2"], case["b2"])
    module = nn.Sequential(first, nn.ReLU(), second)
    named = {"W1": first.weight, "b1": first.bias, "W2": second.weight, "b2": second.bias}
    optimiser = torch.optim.Adam(module.parameters())
    before = case["optimizer_before"]
    for name in before["exp_avg"]:
        optimiser.state[named[name]] = {"step": torch.tensor(1.)} | {
            key: torch.tensor(before[key][name], dtype=torch.float64) for key in before}
    inputs = torch.tensor(case["x"], dtype=torch.float64)
    edit = widen(module, "0", len(case["index_map"]), inputs, index_map=case["index_map"],
                 split=case["split"])
    after = edit.surgery.apply(optimiser, module, edit.module)
    wider = {"W1": edit.module.get_parameter("0.weight"), "b1": edit.module.get_parameter("0.bias"),
             "W2": edit.module.get_parameter("2.weight")}
    found = {f"{name}_after": value.tolist() for name, value in wider.items()}
    found["y"] = edit.module(inputs).tolist()
    found["optimizer_after"] = {key: {name: after.state[wider[name]][key].tolist()
                                      for name in wider} for key in before}
    return differences({key: case[key] for key in found}, found, tolerance=EXACT)


def _widen_flatten(case: Mapping[str, Any]) -> list[str]:
    old, new = max(case["index_map"]) + 1, len(case["index_map"])
    pixels = len(case["W"][0]) // old
    last = nn.Linear(old * pixels, len(case["W"]))
    _doubles(last, case["W"])
    module = nn.Sequential(nn.Conv2d(1, old, 1).double(), nn.ReLU(), nn.Flatten(), last)
    example = torch.zeros(2, 1, 1, pixels, dtype=torch.float64)
    edit = widen(module, "0", new, example, index_map=case["index_map"], split=case["split"])
    columns = [case["W"][0].index(value) for value in _unsplit(edit.module, case, pixels)]
    found = {"W_after": edit.module.get_parameter("3.weight").tolist(), "input_index": columns}
    return differences({key: case[key] for key in found}, found, tolerance=EXACT)


def _unsplit(module: nn.Module, case: Mapping[str, Any], pixels: int) -> list[float]:
    """The first row of the widened weights without the shares."""
    split = torch.tensor(case["split"], dtype=torch.float64).repeat_interleave(pixels)
    return [round(float(w), 9) for w in module.get_parameter("3.weight").data[0] / split]


def _matched(case: Mapping[str, Any]) -> list[str]:
    batch = torch.tensor(case["batch"], dtype=torch.float64)[:, :, None, None]
    channels = batch.shape[1]
    convolution = nn.Conv2d(channels, channels, 1, bias=False).double()
    _doubles(convolution, torch.eye(channels)[:, :, None, None].tolist())
    undo = nn.BatchNorm2d(channels, eps=case["eps"]).double()
    undo.weight.data = (batch.var((0, 2, 3), correction=0) + case["eps"]).sqrt()
    undo.bias.data = batch.mean((0, 2, 3))
    module = nn.Sequential(convolution, undo, nn.ReLU())
    edit = deepen_identity(module, "2", batch, calibration=batch, name="new")
    norm = edit.module.get_submodule("new.norm")
    found = {"weight": norm.weight, "bias": norm.bias, "running_mean": norm.running_mean,
             "running_var": norm.running_var}
    return differences({key: case[key] for key in found},
                       {key: value.tolist() for key, value in found.items()}, tolerance=EXACT)


def _kernel(case: Mapping[str, Any]) -> list[str]:
    weight = torch.tensor(case["weight"], dtype=torch.float64)
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:],
                      padding=case["padding_before"], bias=False)
    _doubles(layer, case["weight"])
    grown = kernel_grow(nn.Sequential(layer), "0").module.get_submodule("0")
    found = {"weight_after": grown.weight.tolist(), "padding_after": grown.padding[0]}
    return differences({key: case[key] for key in found}, found, tolerance=EXACT)


def _shrink(case: Mapping[str, Any]) -> list[str]:
    second = nn.Linear(len(case["index_map"]), len(case["W2_before"]))
    _doubles(second, case["W2_before"])
    module = nn.Sequential(nn.Linear(2, len(case["index_map"])).double(), nn.ReLU(), second)
    edit = merge(module, "0", case["index_map"], torch.zeros(1, 2, dtype=torch.float64))
    return differences(case["W2_after"], edit.module.get_parameter("2.weight").tolist(),
                       "W2_after", EXACT)
