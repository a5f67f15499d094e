"""Is what an answer returned right, in its values and in its type? And how to quote it.

The rule on types is the same for all exercises: what an exercise calls a tensor must be
a tensor, whole numbers (int64 or int32) for ids, positions and masks, decimals (float32
or float64, half precision if the input is) for vectors; a number may come from Python
or NumPy or be a tensor without dimensions; a list may be a tuple.
"""

import math
import numbers
import re
import reprlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

WHOLE = (torch.int64, torch.int32)  # what an embedding takes as indexes
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # rounding; every wrong answer is further off


def same(a: Any, b: Any) -> bool:
    """Equal values, decimals within rounding, nan equal to nan; whatever holds them."""
    try:
        return _same(_plain(a), _plain(b))
    except Exception:  # a ragged list, an array of objects, ...
        return False


def type_fault(got: Any, wanted: Any) -> str:
    """What is wrong with the type of `got`, "" if nothing is: a sentence."""
    if isinstance(wanted, Tensor) and wanted.ndim:
        return _tensor_fault(got, wanted)
    if isinstance(wanted, bool):
        right = isinstance(got, bool | np.bool_) or _is_scalar(got, torch.bool)
        return "" if right else f"It returned {kind(got)}, expected True or False."
    if isinstance(wanted, numbers.Number | Tensor):  # a number
        return _number_fault(got, wanted)
    if isinstance(wanted, list | tuple):
        return _list_fault(got, wanted)
    if isinstance(wanted, str) and not isinstance(got, str):
        return _expected(got, "a string")
    return ""


def kind(value: Any) -> str:
    """What `value` is, with its article: "a list", "a NumPy array", "None"."""
    if value is None:
        return "None"
    known = {
        Tensor: "a tensor",
        np.ndarray: "a NumPy array",
        str: "a string",
        dict: "a dictionary",
    }
    for known_type, name in known.items():
        if isinstance(value, known_type):
            return name
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def quote(value: Any, width: int = 72) -> str:
    """`value` as Python would write it, on one line, cut to `width` characters."""
    short = reprlib.Repr()
    short.maxlist = short.maxtuple = short.maxset = short.maxdict = 12
    short.maxstring = short.maxother = width
    try:
        is_array = isinstance(value, Tensor | np.ndarray)
        text = repr(value) if is_array else short.repr(value)
    except Exception:  # its own __repr__ raises
        text = kind(value)
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(text.split()))
    return text if len(text) <= width else text[: width - 1] + "…"


def describe(got: Any, wanted: Any, arguments: tuple) -> str:
    """What can be said of a wrong result whose mistake is not known."""
    if same(got, _negative(wanted)):
        return "Your result is right but for its sign."
    if isinstance(got, Tensor) and isinstance(wanted, Tensor):
        return _describe_tensors(got, wanted)
    given = ", ".join(quote(argument) for argument in arguments)
    where = f"For {given} your" if len(given) < 80 else "Your"
    text = f"{where} function returns {quote(got)}, expected {quote(wanted)}."
    return f"{text} Is it rounded?" if _nearly(got, wanted) else text


def _negative(value: Any) -> Any:
    return -value if isinstance(value, float | Tensor) else None


def _nearly(got: Any, wanted: Any) -> bool:
    numbers_both = isinstance(got, numbers.Real) and isinstance(wanted, float)
    return numbers_both and abs(got - wanted) < 0.01


def _describe_tensors(got: Tensor, wanted: Tensor) -> str:
    if got.shape != wanted.shape:
        return (
            f"Your result has shape {list(got.shape)}, expected {list(wanted.shape)}."
        )
    if not wanted.ndim:
        return f"Your result is {got.item():.4g}, expected {wanted.item():.4g}."
    if got.isnan().any() and not wanted.isnan().any():
        return "Your result holds nan, not a number: was something divided by 0?"
    if got.ndim > 1 and same(got, wanted.transpose(-1, -2)):
        return "Your result is right, but its last two axes are swapped."
    wrong = ~torch.isclose(got.double(), wanted.double(), RELATIVE, ABSOLUTE)
    row = int(wrong.flatten().int().argmax()) // wanted.shape[-1]  # the first wrong one
    ours, right = (
        [f"{x:.4g}" for x in t.reshape(-1, t.shape[-1])[row, :3].tolist()]
        for t in (got, wanted)
    )
    return (
        f"The shape {list(got.shape)} is right, the values are not: row {row} of yours "
        f"begins with {', '.join(ours)}, expected {', '.join(right)}. Try two rows "
        "that you can do by hand."
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    if isinstance(value, np.generic):
        return value.item()
    return value.detach().cpu() if isinstance(value, Tensor) else value


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, Tensor):
        a, b = b, a
    if isinstance(a, Tensor):
        if not isinstance(b, Tensor | numbers.Number) and len(b) != len(a):
            return False
        b = torch.as_tensor(b)
        if a.is_complex() or b.is_complex():
            return False
        return a.shape == b.shape and torch.allclose(
            a.double(), b.double(), rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True
        )
    if isinstance(a, list | tuple):
        is_list = isinstance(b, list | tuple)
        return is_list and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, numbers.Number) and isinstance(b, numbers.Number):
        both_nan = math.isnan(a) and math.isnan(b)
        return both_nan or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    return type(a) is type(b) and a == b


def _is_scalar(value: Any, *dtypes: torch.dtype) -> bool:
    return isinstance(value, Tensor) and value.ndim == 0 and value.dtype in dtypes


def _expected(got: Any, wanted: str) -> str:
    return f"It returned {kind(got)}, expected {wanted}."


def _tensor_fault(got: Any, wanted: Tensor) -> str:
    if not isinstance(got, Tensor):
        return _expected(got, "a tensor")
    if wanted.is_floating_point() and not got.is_floating_point():
        return f"It returned {_dtype(got)}, expected decimals ({_dtype(wanted)})."
    precise = {got.dtype, wanted.dtype} <= {torch.float32, torch.float64}
    if wanted.is_floating_point() and got.dtype != wanted.dtype and not precise:
        return (
            f"It returned {_dtype(got)}, expected {_dtype(wanted)}, the type of its "
            "input: convert the result at the end, with .to()."
        )
    if wanted.dtype in WHOLE and got.dtype not in WHOLE:
        return (
            f"The numbers are right, but their type is {_dtype(got)}. Ids, positions "
            "and masks are whole numbers: a model takes int64, as .long() makes them."
        )
    return ""


def _number_fault(got: Any, wanted: Any) -> str:
    """A whole number where one is wanted; else any number, but not True or False."""
    if isinstance(got, Tensor) and got.ndim == 0:
        got = got.detach().item()
    if isinstance(got, bool | np.bool_) or not isinstance(got, numbers.Number):
        return _expected(got, "a number")
    if isinstance(wanted, int) and not isinstance(got, numbers.Integral):
        return f"It returned {quote(got)}, a decimal: expected a whole number."
    return ""


def _list_fault(got: Any, wanted: list | tuple) -> str:
    if not isinstance(got, list | tuple):
        expected = "a list" if isinstance(wanted, list) else f"{len(wanted)} results"
        return _expected(got, expected)
    if len(got) != len(wanted):
        return ""  # a matter of values
    faults = (type_fault(*pair) for pair in zip(got, wanted, strict=True))
    return next(filter(None, faults), "")


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
