"""Answers to the exercises of lesson 04, as students write them."""

import numpy as np
import torch

from helpers.pooling import mean_pool
from tests.answers.catalogue import Answers, Wrong

# 4.1 last_token


def last_by_loop(h, m):
    out = torch.zeros(h.shape[0], h.shape[2])
    for i in range(len(m)):
        for j in range(m.shape[1]):
            if m[i, j] == 1:
                out[i] = h[i, j]
    return out


def last_like_e5(h, m):
    """The snippet on many model cards."""
    if m[:, -1].sum() == m.shape[0]:
        return h[:, -1]
    lengths = m.sum(dim=1) - 1
    return h[torch.arange(h.shape[0], device=h.device), lengths]


def last_by_gather(h, m):
    last = m.shape[1] - 1 - m.flip([1]).argmax(1)
    return h.gather(1, last.view(-1, 1, 1).expand(-1, 1, h.shape[2])).squeeze(1)


def last_on_a_copy(h, m):
    h = h.clone()
    h[m == 0] = 0
    return torch.stack([row[row.abs().sum(1).nonzero()[-1, 0]] for row in h])


def last_spoiling_padding(h, m):
    h[m == 0] = 0
    return torch.stack([row[row.abs().sum(1).nonzero()[-1, 0]] for row in h])


def last_nonzero(h, m):
    return torch.stack([row[row.abs().sum(1).nonzero()[-1, 0]] for row in h])


def last_by_bad_loop(h, m):
    out = []
    for row, mask in zip(h, m, strict=True):
        for token, real in zip(row, mask, strict=True):
            if real == 0:
                break
            last = token
        out.append(last)
    return torch.stack(out)


LAST_TOKEN = Answers(
    {
        "a loop": last_by_loop,
        "sides apart": last_like_e5,
        "gather": last_by_gather,
        "in place on a copy": last_on_a_copy,
        "numbered columns": lambda h, m: h[
            torch.arange(len(h)), (m * torch.arange(m.shape[1])).argmax(1)
        ],
        "boolean rows": lambda h, m: torch.stack(
            [row[real.bool()][-1] for row, real in zip(h, m, strict=True)]
        ),
    },
    [
        Wrong("last column", lambda h, m: h[:, -1], "last column"),
        Wrong(
            "last column, the masked",
            lambda h, m: (h * m[:, :, None])[:, -1],
            "and the mask makes it 0",
        ),
        Wrong(
            "n - 1",
            lambda h, m: h[torch.arange(len(h)), m.sum(1) - 1],
            "find the last 1",
        ),
        Wrong(
            "n - 1 by slices",
            lambda h, m: torch.stack(
                [h[i, : m[i].sum()][-1] for i in range(len(h))], dim=0
            ),
            "find the last 1",
        ),
        Wrong(
            "side told by the first row",
            lambda h, m: (
                h[:, -1] if m[0, -1] else h[torch.arange(len(h)), m.sum(1) - 1]
            ),
            "A row ends",
        ),
        Wrong(
            "side told by any row",
            lambda h, m: (
                h[:, -1] if m[:, -1].any() else h[torch.arange(len(h)), m.sum(1) - 1]
            ),
            "A row ends",
        ),
        Wrong(
            "stops at the first padding", last_by_bad_loop, "The first input goes well"
        ),
        Wrong(
            "n",
            lambda h, m: h[torch.arange(len(h)), m.sum(1).clamp(max=m.shape[1] - 1)],
            "One too far",
        ),
        Wrong(
            "n, raising", lambda h, m: h[torch.arange(len(h)), m.sum(1)], "One too far"
        ),
        Wrong(
            "n - 2",
            lambda h, m: h[torch.arange(len(h)), m.sum(1) - 2],
            "token before the last",
        ),
        Wrong(
            "argmax of the mask",
            lambda h, m: h[torch.arange(len(h)), m.argmax(1)],
            "first real token",
        ),
        Wrong("first column", lambda h, m: h[:, 0], "the first column"),
        Wrong("rows not indexed", lambda h, m: h[:, m.sum(1) - 1], "Index the rows"),
        Wrong(
            "longest row's", lambda h, m: h[:, m.sum(1).max() - 1], "one column for all"
        ),
        Wrong("whole batch's last", lambda h, m: h[m.bool()][-1], "You return one"),
        Wrong(
            "last of the padding",
            lambda h, m: h[
                torch.arange(len(h)), ((1 - m) * torch.arange(m.shape[1])).argmax(1)
            ],
            "last padding",
        ),
        Wrong("last that is not zero", last_nonzero, "last column"),
        Wrong("spoils its input", last_spoiling_padding, "changes its input"),
        Wrong(
            "keeps an axis",
            lambda h, m: h[torch.arange(len(h)), m.argmax(1)][:, None],
            "An axis is left",
        ),
        Wrong(
            "a list",
            lambda h, m: [row[r.bool()][-1] for row, r in zip(h, m, strict=True)],
            "expected a tensor",
        ),
        Wrong("NumPy", lambda h, m: last_by_gather(h, m).numpy(), "expected a tensor"),
        Wrong("mean", lambda h, m: mean_pool(h, m), "masked mean"),
        Wrong(
            "max",
            lambda h, m: h.masked_fill(m[:, :, None] == 0, -1e9).max(1).values,
            "largest value",
        ),
        Wrong(
            "sum",
            lambda h, m: (h * m.unsqueeze(-1)).sum(dim=1),
            "sum of the real tokens",
        ),
        Wrong("no return", lambda h, m: None, "`return`"),
    ],
)

# 4.2 weighted_mean


def weights_by_loop(h, m):
    out = []
    for i in range(h.shape[0]):
        w, vector, weights = 0, torch.zeros(h.shape[2]), 0
        for j in range(h.shape[1]):
            if m[i, j]:
                w += 1
                vector = vector + w * h[i, j]
                weights += w
        out.append(vector / weights)
    return torch.stack(out)


def weights_by_rows(h, m):
    rows = []
    for row, mask in zip(h, m, strict=True):
        real = row[mask.bool()]
        w = torch.arange(1, len(real) + 1, dtype=torch.float32)
        rows.append((w / w.sum()) @ real)
    return torch.stack(rows)


def weights_in_place_on_a_copy(h, m):
    w = m.clone().float()
    w = torch.cumsum(w, 1)
    w *= m
    w /= w.sum(1, keepdim=True)
    return torch.bmm(w[:, None], h).squeeze(1)


def weights_in_place(h, m):
    w = m.cumsum(1) * m
    h *= w.unsqueeze(-1)
    return h.sum(1) / w.sum(1, keepdim=True)


def weights_of_first_n(h, m):
    rows = []
    for row, n in zip(h, m.sum(1).tolist(), strict=True):
        w = torch.arange(1.0, n + 1)
        rows.append((w[:, None] * row[:n]).sum(0) / w.sum())
    return torch.stack(rows)


def weighted(weigh):
    def pool(h, m):
        w = weigh(m).float()
        return torch.einsum("blh,bl->bh", h, w) / w.sum(1, keepdim=True)

    return pool


def times(h, m, w):
    return torch.einsum("blh,bl->bh", h, w.float())


def up(m):
    return m.cumsum(1) * m


WEIGHTED_MEAN = Answers(
    {
        "einsum": weighted(up),
        "a loop": weights_by_loop,
        "row by row": weights_by_rows,
        "in place on a copy": weights_in_place_on_a_copy,
        "float64": lambda h, m: (
            (h.double() * up(m)[..., None]).sum(1) / up(m).sum(1)[:, None]
        ),
    },
    [
        Wrong(
            "weighs columns",
            weighted(lambda m: m * torch.arange(1, 1 + m.shape[1])),
            "count columns",
        ),
        Wrong("first n columns", weights_of_first_n, "first nᵢ columns"),
        Wrong(
            "columns without mask",
            weighted(lambda m: torch.arange(1, 1 + m.shape[1]).repeat(len(m), 1)),
            "know nothing of padding",
        ),
        Wrong("from 0", weighted(lambda m: (m.cumsum(1) - 1).clamp(min=0) * m), "at 0"),
        Wrong(
            "columns from 0", weighted(lambda m: m * torch.arange(m.shape[1])), "at 0"
        ),
        Wrong(
            "divides by n",
            lambda h, m: times(h, m, up(m)) / m.sum(1, keepdim=True),
            "not by the number of tokens",
        ),
        Wrong(
            "mean over L",
            lambda h, m: (h * up(m).unsqueeze(-1)).mean(1),
            "not by L",
        ),
        Wrong("padding weighs", weighted(lambda m: m.cumsum(1)), "Padding has weight"),
        Wrong(
            "padding in the sum",
            lambda h, m: times(h, m, m.cumsum(1)) / up(m).sum(1, keepdim=True),
            "in the sum of the vectors",
        ),
        Wrong(
            "padding in the divisor",
            lambda h, m: times(h, m, up(m)) / m.cumsum(1).sum(1, keepdim=True),
            "what you divide by",
        ),
        Wrong(
            "falling",
            weighted(lambda m: m.flip(1).cumsum(1).flip(1) * m),
            "weights fall",
        ),
        Wrong(
            "n - position",
            weighted(lambda m: (m.sum(1, keepdim=True) - m.cumsum(1) + 1) * m),
            "weights fall",
        ),
        Wrong("plain mean", mean_pool, "plain mean"),
        Wrong("naive mean", lambda h, m: torch.mean(h, 1), "plain mean, and with"),
        Wrong("sum", lambda h, m: times(h, m, up(m)), "weighted sum"),
        Wrong(
            "sum of the whole batch",
            lambda h, m: times(h, m, up(m)) / up(m).sum(),
            "whole batch",
        ),
        Wrong(
            "keepdim forgotten",
            lambda h, m: (h * up(m)[..., None]).sum(1) / up(m).sum(1),
            "needs a second axis",
        ),
        Wrong(
            "counts down the batch",
            weighted(lambda m: m.cumsum(0) * m),
            "Count along axis 1",
        ),
        Wrong(
            "softmax",
            weighted(
                lambda m: torch.softmax(up(m).float().masked_fill(m == 0, -1e9), dim=1)
            ),
            "softmax",
        ),
        Wrong(
            "softmax over padding, too",
            weighted(lambda m: torch.softmax(up(m).float(), dim=1)),
            "some to padding",
        ),
        Wrong(
            "twice a running sum",
            weighted(lambda m: up(m).cumsum(1) * m),
            "running sum of a running sum",
        ),
        Wrong("squares", weighted(lambda m: up(m) ** 2), "squares"),
        Wrong(
            "divides twice",
            lambda h, m: weighted(up)(h, m) / m.sum(1, keepdim=True),
            "divided twice",
        ),
        Wrong("not added up", lambda h, m: h * up(m)[..., None], "not added up"),
        Wrong("in place", weights_in_place, "changes its input"),
        Wrong("NumPy", lambda h, m: weighted(up)(h, m).numpy(), "expected a tensor"),
        Wrong(
            "size of the first batch",
            lambda h, m: (
                (h * up(m)[..., None]).sum(1)
                / (up(m) * torch.ones(3, 6)).sum(1, keepdim=True)
            ),
            "a size or a number of the first",
        ),
    ],
)

# 4.3 padding_detector


def batch_with(pad_value, before, length=5):
    hidden, mask = torch.randn(2, 4, 3), torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])
    more = torch.full((2, length, 3), pad_value)
    none = torch.zeros(2, length, dtype=torch.long)
    order = slice(None, None, -1 if before else 1)
    return (hidden, mask), (
        torch.cat([hidden, more][order], 1),
        torch.cat([mask, none][order], 1),
    )


def close(a, b):
    return torch.allclose(a, b, atol=1e-5)


def detector(pad_value=99.0, sides=(False, True), equal=close):
    def detect(pool):
        pairs = [batch_with(pad_value, before) for before in sides]
        return any(not equal(pool(*few), pool(*more)) for few, more in pairs)

    return detect


def detect_by_hand(pool):
    """Numbers that one can check by eye, with a loop over the sides."""
    tokens = [[1.0, 2.0], [3.0, 0.0], [5.0, -7.0]]
    pad = [100.0, -100.0]
    alone = pool(torch.tensor([tokens]), torch.tensor([[1, 1, 1]]))
    for left in (0, 2):
        for right in (0, 3):
            padded = [pad] * left + tokens + [pad] * right
            mask = [0] * left + [1] * 3 + [0] * right
            vector = pool(torch.tensor([padded]), torch.tensor([mask]))
            if (alone - vector).abs().max() > 1e-3:
                return True
    return False


def detect_with_numpy(pool):
    hidden = np.random.rand(3, 4, 8).astype("float32")
    mask = np.ones((3, 4), dtype="int64")
    few = pool(torch.from_numpy(hidden), torch.from_numpy(mask)).numpy()
    for widths in ((0, 6), (6, 0)):
        h = np.pad(hidden, ((0, 0), widths, (0, 0)), constant_values=1000.0)
        m = np.pad(mask, ((0, 0), widths))
        if not np.allclose(few, pool(torch.tensor(h), torch.tensor(m)), atol=1e-4):
            return True
    return False


def detect_in_place(pool):
    hidden = torch.full((2, 9, 4), 1e4)
    mask = torch.zeros(2, 9, dtype=torch.long)
    hidden[:, 3:6] = torch.randn(2, 3, 4)
    mask[:, 3:6] = 1
    few = pool(hidden[:, 3:6], mask[:, 3:6])
    return not (
        torch.allclose(few, pool(hidden[:, 3:], mask[:, 3:]), rtol=1e-4)
        and torch.allclose(few, pool(hidden[:, :6], mask[:, :6]), rtol=1e-4)
    )


def detect_nan(pool):
    _, right = batch_with(float("nan"), False)
    _, left = batch_with(float("nan"), True)
    return bool(pool(*right).isnan().any() or pool(*left).isnan().any())


def detect_real_mask(pool):
    hidden = torch.randn(2, 4, 3)
    more = torch.cat([hidden, torch.full((2, 4, 3), 9.0)], 1)
    return not close(
        pool(hidden, torch.ones(2, 4).long()), pool(more, torch.ones(2, 8).long())
    )


def detect_values(pool):
    (hidden, mask), _ = batch_with(0.0, False)
    other = hidden.clone()
    other[mask == 0] = 100.0
    return not close(pool(hidden, mask), pool(other, mask))


def detect_shape(pool):
    few, more = batch_with(99.0, False)
    return pool(*few).shape != pool(*more).shape


def detect_random_padding(pool):
    few, right = batch_with(0.0, False, 1)
    right[0][:, -1] = torch.randn(2, 3)
    left = right[0].roll(1, 1), right[1].roll(1, 1)
    return not (close(pool(*few), pool(*right)) and close(pool(*few), pool(*left)))


def detect_length(pool):
    """Compares lengths of the vectors only."""
    few, right = batch_with(99.0, False)
    return not close(pool(*few).norm(dim=1), pool(*right).norm(dim=1))


def detect_both_at_once(pool):
    h, m = torch.randn(2, 4, 3), torch.ones(2, 4, dtype=torch.int64)
    more, none = torch.full((2, 4, 3), 99.0), torch.zeros_like(m)
    left = pool(torch.cat([more, h], 1), torch.cat([none, m], 1))
    right = pool(torch.cat([h, more], 1), torch.cat([m, none], 1))
    return not close(pool(h, m), left) and not close(pool(h, m), right)


def detect_with_mean(pool):
    batch, _ = batch_with(99.0, False)
    return not close(pool(*batch), mean_pool(*batch))


def detect_different_sentences(pool):
    few = torch.randn(2, 4, 3), torch.ones(2, 4).long()
    more = torch.randn(2, 7, 3), torch.tensor([[1, 1, 1, 1, 0, 0, 0]] * 2)
    return not close(pool(*few), pool(*more))


def detect_per_vector(pool):
    few, more = batch_with(99.0, False)
    return (pool(*few) - pool(*more)).abs().sum(1) > 1e-4


PADDING_DETECTOR = Answers(
    {
        "random numbers": detector(),
        "by hand": detect_by_hand,
        "NumPy inside": detect_with_numpy,
        "in place": detect_in_place,
        "padding of nan": detect_nan,
    },
    [
        Wrong("exact", detector(equal=torch.equal), "with a tolerance"),
        Wrong(
            "exact, by ==",
            detector(equal=lambda a, b: bool((a == b).all())),
            "with a tolerance",
        ),
        Wrong("padding of 0", detector(pad_value=0.0), "zeros adds nothing"),
        Wrong("padding of -99", detector(pad_value=-99.0), "small numbers never wins"),
        Wrong("random padding", detect_random_padding, "the luck of your random batch"),
        Wrong(
            "cosine",
            detector(equal=lambda a, b: torch.cosine_similarity(a, b).min() > 0.9999),
            "cosine does not change",
        ),
        Wrong("right only", detector(sides=[False]), "The first column gets past"),
        Wrong("left only", detector(sides=[True]), "The last column gets past"),
        Wrong("on both sides", detect_both_at_once, "on the right or on the left"),
        Wrong("always True", lambda pool: True, "You say True"),
        Wrong("always False", lambda pool: False, "You say False"),
        Wrong("shapes only", detect_shape, "You say False"),
        Wrong("inverted", lambda pool: not detect_by_hand(pool), "wrong way round"),
        Wrong("equal means True", lambda pool: not detector()(pool), "wrong way round"),
        Wrong("mask of ones", detect_real_mask, "calls padding real"),
        Wrong("other values only", detect_values, "Make L larger"),
        Wrong("lengths of the vectors", detect_length, ""),
        Wrong("against the mean", detect_with_mean, "You compare with the mean"),
        Wrong("other sentences", detect_different_sentences, "You say True"),
        Wrong("one for each row", detect_per_vector, "one for all vectors"),
        Wrong("a word", lambda pool: str(detect_by_hand(pool)), "True or False"),
        Wrong("1 and 0", lambda pool: int(detect_by_hand(pool)), "True or False"),
        Wrong("no return", lambda pool: None, "`return`"),
        Wrong("the function's name", lambda pool: "mean" in pool.__name__, ""),
    ],
)

# 4.4 whiten


def whiten_by_svd(fit_on, vectors):
    center = fit_on.mean(0)
    _, s, v = torch.linalg.svd(fit_on - center, full_matrices=False)
    return (vectors - center) @ v.T / (s / (len(fit_on) - 1) ** 0.5)


def whiten_by_cholesky(fit_on, vectors):
    lower = torch.linalg.cholesky(torch.cov(fit_on.T))
    centered = (vectors - fit_on.mean(dim=0)).T
    return torch.linalg.solve_triangular(lower, centered, upper=False).T


def whiten_by_zca(fit_on, vectors):
    variances, axes = torch.linalg.eigh(torch.cov(fit_on.T))
    root = axes @ torch.diag(1 / torch.sqrt(variances)) @ axes.T
    return (vectors - fit_on.mean(0)) @ root


def whiten_by_loop(fit_on, vectors):
    x = fit_on.clone()
    x -= x.mean(0)
    cov = x.T @ x / (x.shape[0] - 1)
    values, axes = torch.linalg.eigh(cov)
    out = []
    for vector in vectors:
        y = axes.T @ (vector - fit_on.mean(0))
        for d in range(len(y)):
            y[d] = y[d] / values[d] ** 0.5
        out.append(y)
    return torch.stack(out)


def whiten_with_numpy(fit_on, vectors):
    x = fit_on.numpy()
    values, axes = np.linalg.eigh(np.cov(x, rowvar=False))
    y = (vectors.numpy() - x.mean(0)) @ axes / np.sqrt(values)
    return torch.tensor(y)


def whiten_by_general_eig(fit_on, vectors):
    values, axes = torch.linalg.eig(torch.cov(fit_on.T))
    return (vectors - fit_on.mean(0)) @ axes.real / values.real.sqrt()


def eigen(fit_on, vectors, scale=torch.sqrt, ddof=1, center=True):
    mean = fit_on.mean(0) if center else torch.zeros(fit_on.shape[1])
    values, axes = torch.linalg.eigh(torch.cov(fit_on.T, correction=ddof))
    return (vectors - mean) @ axes / scale(values)


def whiten_in_place(fit_on, vectors):
    vectors -= fit_on.mean(0)
    values, axes = torch.linalg.eigh(torch.cov(fit_on.T))
    return vectors @ axes / values.sqrt()


def center_of_vectors(fit_on, vectors):
    values, axes = torch.linalg.eigh(torch.cov(fit_on.T))
    return (vectors - vectors.mean(0)) @ axes / values.sqrt()


def transposed_axes(fit_on, vectors):
    values, axes = torch.linalg.eigh(torch.cov(fit_on.T))
    return (vectors - fit_on.mean(0)) @ axes.T / values.sqrt()


def svd_without_center(fit_on, vectors):
    _, s, v = torch.linalg.svd(fit_on, full_matrices=False)
    return (vectors - fit_on.mean(0)) @ v.T / s * (len(fit_on) - 1) ** 0.5


def svd_without_m(fit_on, vectors):
    center = fit_on.mean(0)
    _, s, v = torch.linalg.svd(fit_on - center, full_matrices=False)
    return (vectors - center) @ v.T / s


def scaled_to_one(fit_on, vectors):
    x = eigen(fit_on, vectors)
    return x / x.norm(dim=1, keepdim=True)


def cov_of_rows(fit_on, vectors):
    values, axes = torch.linalg.eigh(torch.cov(fit_on))
    return (vectors - fit_on.mean(0)) @ axes / values.sqrt()


def axes_without_scale(fit_on, vectors):
    values, _ = torch.linalg.eigh(torch.cov(fit_on.T))
    return (vectors - fit_on.mean(0)) / values.sqrt()


def hard_coded(fit_on, vectors):
    values, axes = torch.linalg.eigh(torch.cov(fit_on.T))
    return ((vectors - fit_on.mean(0)) @ axes / values.sqrt()).view(6, 4)


WHITEN = Answers(
    {
        "singular values": whiten_by_svd,
        "Cholesky": whiten_by_cholesky,
        "ZCA": whiten_by_zca,
        "loops": whiten_by_loop,
        "NumPy inside": whiten_with_numpy,
        "general eigenvalues": whiten_by_general_eig,
        "float64": lambda f, v: whiten_by_svd(f.double(), v.double()),
        "float32": lambda f, v: whiten_by_svd(f.float(), v.float()),
        "a small epsilon": lambda f, v: eigen(f, v, lambda x: (x + 1e-6).sqrt()),
    },
    [
        Wrong("fits on vectors", lambda f, v: eigen(v, v), "from fit_on alone"),
        Wrong(
            "fits on both",
            lambda f, v: eigen(torch.cat([f, v]), v),
            "fit_on and vectors together",
        ),
        Wrong("mean of vectors", center_of_vectors, "subtracted the mean of vectors"),
        Wrong("not centered", lambda f, v: eigen(f, v, center=False), "not subtract"),
        Wrong("variances", lambda f, v: eigen(f, v, lambda x: x), "square roots"),
        Wrong("not scaled", lambda f, v: eigen(f, v, torch.ones_like), "not scaled"),
        Wrong(
            "centered only", lambda f, v: v - f.mean(0), "not scaled: divide each axis"
        ),
        Wrong(
            "multiplies", lambda f, v: eigen(f, v, lambda x: x**-0.5), "stretches the"
        ),
        Wrong("divides by M", lambda f, v: eigen(f, v, ddof=0), "M − 1"),
        Wrong("singular values", svd_without_m, "singular values are not"),
        Wrong(
            "z-score", lambda f, v: (v - f.mean(0)) / f.std(0), "each dimension alone"
        ),
        Wrong(
            "z-score of vectors",
            lambda f, v: (v - v.mean(0)) / v.std(0),
            "did not use fit_on",
        ),
        Wrong(
            "z-score with variances",
            lambda f, v: (v - f.mean(0)) / f.var(0),
            "and by its variance",
        ),
        Wrong(
            "one number for all", lambda f, v: (v - f.mean()) / f.std(), "one number"
        ),
        Wrong("axes transposed", transposed_axes, "not by its transpose"),
        Wrong("not rotated", axes_without_scale, "rotate the vectors"),
        Wrong("not centered before svd", svd_without_center, "not centered"),
        Wrong("scaled to length 1", scaled_to_one, "to length 1"),
        Wrong("mean added again", lambda f, v: eigen(f, v) + f.mean(0), "mean again"),
        Wrong("covariance of rows", cov_of_rows, "one row a dimension"),
        Wrong("fit_on whitened", lambda f, v: eigen(f, f), "fit_on itself"),
        Wrong("arguments swapped", lambda f, v: eigen(v, f), "wrong way round"),
        Wrong("in place", whiten_in_place, "changes its input vectors"),
        Wrong("NumPy", lambda f, v: eigen(f, v).numpy(), "expected a tensor"),
        Wrong("shapes hard-coded", hard_coded, "a size or a number of the first"),
        Wrong(
            "multiplied by the covariance",
            lambda f, v: (v - f.mean(0)) @ torch.cov(f.T),
            "multiplied by the variances",
        ),
        Wrong(
            "inverse without root",
            lambda f, v: (v - f.mean(0)) @ torch.linalg.inv(torch.cov(f.T)),
            "square roots",
        ),
        Wrong(
            "Cholesky without inverse",
            lambda f, v: (v - f.mean(0)) @ torch.linalg.cholesky(torch.cov(f.T)),
            "multiplied by the standard deviations",
        ),
        Wrong(
            "Cholesky transposed",
            lambda f, v: (
                (v - f.mean(0))
                @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(f.T)))
            ),
            "",
        ),
        Wrong("the matrix only", lambda f, v: torch.cov(f.T), ""),
        Wrong("no return", lambda f, v: None, "`return`"),
    ],
)

ANSWERS = {
    "last_token": LAST_TOKEN,
    "weighted_mean": WEIGHTED_MEAN,
    "padding_detector": PADDING_DETECTOR,
    "whiten": WHITEN,
}
