"""What an x86 processor does faster: linear layers by convolution, and bfloat16.

The first changes neither what a layer is (nn.Linear, with the same weights under the
same names) nor, but for rounding, what it computes; it does not touch tensors on a GPU,
nor any dtype but float32. Whether bfloat16 helps, callers ask and decide themselves.
"""

import functools
import platform

import torch
from torch import Tensor, nn


def linear_by_convolution(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer's own result, computed as the 1×1 convolution that it is.

    [..., in] -> [..., out]. PyTorch sends float32 matrix products on x86 to MKL, which
    leaves AVX-512 unused on AMD processors, and convolutions to oneDNN, which uses it:
    about twice as fast there, and not slower elsewhere.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return nn.Linear.forward(layer, x)
    # [..., in] -> [1, in, N, 1]: one image, a pixel for each vector. Nothing is moved.
    image = x.reshape(1, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)
    image = nn.functional.conv2d(image, layer.weight[:, :, None, None], layer.bias)
    return image.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


def use_fast_linear(model: nn.Module) -> None:
    """Let the linear layers of the model compute by convolution, on x86.

    Does nothing elsewhere. Each layer stays exactly an nn.Linear, and gets a forward of
    its own in place of its class's: print(model), state_dict, deepcopy, pickle,
    torch.compile, and tools that look for nn.Linear, such as quantize_dynamic, see what
    they always saw.
    """
    if not torch.backends.mkldnn.is_available():
        return
    if platform.machine() not in ("x86_64", "AMD64"):
        return
    for layer in model.modules():
        if type(layer) is nn.Linear:
            layer.forward = functools.partial(linear_by_convolution, layer)


def bf16_helps() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AVX-512 BF16 or AMX).

    On others bfloat16 is slower than float32.
    """
    # Private names, which come and go between versions: without them the answer is no.
    found = []
    for name in ("avx512_bf16", "amx_tile"):
        found.append(getattr(torch.cpu, f"_is_{name}_supported", bool)())
    told_to_use_it = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return any(found) and told_to_use_it
