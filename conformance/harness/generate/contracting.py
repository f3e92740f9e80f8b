"""Statements that multiply and add: products, einsum, convolution, attention, pooling."""

from __future__ import annotations

from conformance.harness.generate.choosing import chance, choose
from conformance.harness.generate.data import places
from conformance.harness.generate.growing import Program, Shape
from conformance.harness.values import Value
from oracles.catalog import ALL, BOOL, INTEGERS, NUMBERS

Attributes = dict[str, Value]


def _own_dtype(p: Program) -> Attributes:
    """Sometimes a dtype of the result's own."""
    return {"dtype": p.dtype(NUMBERS)} if chance(p.chooser, 6) else {}


def matmul(p: Program, op: str) -> bool:
    left = p.pick(min_ndim=1)
    if left < 0:
        return False
    depth = p.values[left].shape[-1]
    right = p.find(lambda v: v.ndim in (1, 2, 3) and v.shape[-2 if v.ndim > 1 else -1] == depth)
    if right < 0 or chance(p.chooser, 2):
        right = p.operand(ALL, (depth, choose(p.chooser, (1, 3, 17, 8))))
    return right >= 0 and p.apply(op, [left, right], **_own_dtype(p))


def linear(p: Program, op: str) -> bool:
    x = p.pick(min_ndim=1)
    if x < 0:
        return False
    width = p.chooser.integer(1, 9)
    weight = p.operand(ALL, (p.values[x].shape[-1], width))
    bias = [p.operand(ALL, (width,))] if p.chooser.integer(0, 1) else []
    return min([weight, *bias]) >= 0 and p.apply(op, [x, weight, *bias], **_own_dtype(p))


FORMULAS: dict[int, tuple[str, ...]] = {  # of one operand, by its number of axes, and of two alike
    1: ("i->", "i,i->", "i,j->ij", "i,i->i"),
    2: ("ij->ji", "ij->", "ii->i", "ij,ij->j", "ij,kj->ik", "ij,ij->"),
    3: ("ijk->kji", "ijk->j", "ijk,ilk->ijl", "ijk,ijk->ik"),
}


def einsum(p: Program, op: str) -> bool:
    first = p.pick(min_ndim=1, max_ndim=max(FORMULAS))
    if first < 0:
        return False
    shape = p.values[first].shape
    formula = choose(p.chooser, FORMULAS[len(shape)])
    second = [p.find(lambda v: v.shape == shape)] if "," in formula else []
    return p.apply(op, [first, *second], formula=formula, **_own_dtype(p))


# -- windows ---------------------------------------------------------------------------------------
def _image(p: Program) -> int:
    """A value with channels and one or two axes for windows, made of any that is large enough."""
    return p.find(lambda v: 3 <= v.ndim <= 4 and 0 < v.size <= 400 and v.shape[1] <= 8)


def _new_image(p: Program) -> int:
    shape = choose(p.chooser, ((1, 2, 5, 4), (2, 3, 4, 3), (1, 2, 9), (1, 4, 3, 5), (2, 1, 6)))
    return p.operand(ALL, shape)


def _window(p: Program, around: int = 1) -> Attributes:
    return {"stride": p.chooser.integer(1, 2), "dilation": 2 if chance(p.chooser, 4) else 1,
            "padding": p.chooser.integer(0, around)}  # fmt: skip


def convolution(p: Program, op: str) -> bool:
    """An image, weights, perhaps a bias; groups where the channels allow them."""
    x = _image(p)
    x = _new_image(p) if x < 0 else x
    if x < 0:
        return False
    channels, axes = p.values[x].shape[1], p.values[x].ndim - 2
    groups = 2 if channels % 2 == 0 and channels and chance(p.chooser, 3) else 1
    each = p.chooser.integer(1, 2)
    kernel = tuple(p.chooser.integer(1, 3) for _ in range(axes))
    forth = op == "conv2d"
    sides = (each * groups, channels // groups) if forth else (channels, each)
    weight = p.operand(ALL, (*sides, *kernel))
    bias = [p.operand(ALL, (each * groups,))] if p.chooser.integer(0, 1) else []
    more = _window(p)
    if not forth and more["stride"] == 2:
        more["output_padding"] = p.chooser.integer(0, 1)
    return min([weight, *bias]) >= 0 and p.apply(
        op, [x, weight, *bias], groups=groups, **more, **_own_dtype(p)
    )


def _pooled(p: Program) -> tuple[int, int]:
    """What is pooled, and along how many axes."""
    x = p.pick(min_ndim=1, max_ndim=4)
    return x, min(2, p.values[x].ndim - (p.values[x].ndim > 1)) if x >= 0 else 0


def pool(p: Program, op: str) -> bool:
    x, axes = _pooled(p)
    if x < 0:
        return False
    kernel = tuple(p.chooser.integer(1, 3) for _ in range(axes))
    more = {**_window(p, around=min(kernel) // 2), "ceil_mode": bool(p.chooser.integer(0, 1))}
    if op == "max_pool2d" and p.chooser.integer(0, 1):
        more |= {"return_indices": True, "output": p.chooser.integer(0, 1)}
    if op == "avg_pool2d":
        more["count_include_pad"] = bool(p.chooser.integer(0, 1))
    return p.apply(op, [x], kernel_size=kernel, **more)


def unpool(p: Program, op: str) -> bool:
    x, axes = _pooled(p)
    if x < 0:
        return False
    shape = p.values[x].shape
    extent = 1
    for n in shape[len(shape) - axes :]:
        extent *= 2 * n
    index = p.operand(INTEGERS, shape, places(extent))
    return index >= 0 and p.apply(op, [x, index], kernel_size=(2,) * axes)


def interpolate(p: Program, op: str) -> bool:
    x, axes = _pooled(p)
    if x < 0:
        return False
    size = tuple(p.chooser.integer(1, 7) for _ in range(axes))
    if chance(p.chooser, 3):
        return p.apply(op, [x], size=size, align_corners=True)
    return p.apply(op, [x], size=size, mode=choose(p.chooser, ("linear", "nearest")))


# -- attention -------------------------------------------------------------------------------------
def attention(p: Program, op: str) -> bool:
    """Keys and values for queries; causal, with a mask, or with neither."""
    query = p.pick(min_ndim=2, max_ndim=3)
    if query < 0:
        return False
    *outer, rows, depth = p.values[query].shape
    length = p.chooser.integer(1, 5)
    found = [query, p.operand(ALL, (*outer, length, depth)), p.operand(ALL, (*outer, length, 2))]
    kind = p.chooser.integer(0, 2)
    if kind == 2:
        found.append(p.operand(BOOL, (rows, length)))
    return min(found) >= 0 and p.apply(op, found, is_causal=kind == 1)


def batchnorm(p: Program, op: str) -> bool:
    """Mean and scale of each channel, and perhaps weight and bias."""
    x = p.pick(min_ndim=2)
    if x < 0:
        return False
    shape: Shape = p.values[x].shape[1:2]
    others = [p.operand(ALL, shape) for _ in range(p.chooser.integer(2, 4))]
    return min(others) >= 0 and p.apply(op, [x, *others])


RECIPES = {
    "matmul": matmul, "linear": linear, "einsum": einsum,
    **dict.fromkeys(("conv2d", "conv_transpose2d"), convolution),
    **dict.fromkeys(("avg_pool2d", "max_pool2d"), pool), "max_unpool2d": unpool,
    "interpolate": interpolate, "scaled_dot_product_attention": attention, "batchnorm": batchnorm,
}  # fmt: skip
