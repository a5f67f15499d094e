"""environment.yml, pyproject.toml and constraints.txt say the same, in their three languages."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {
    "torch": "pytorch-cpu",
    "matplotlib": "matplotlib-base",
    "huggingface-hub": "huggingface_hub",
}

PIP_ONLY = {"hassil"}  # not on conda-forge: pip adds it, in the last line


def from_pyproject(text: str) -> dict[str, str]:
    """Name under conda -> version range, as pyproject.toml has it."""
    project = tomllib.loads(text)["project"]
    requirements = [Requirement(line) for line in project["dependencies"]]
    ranges = {
        CONDA_NAMES.get(r.name, r.name): str(r.specifier)
        for r in requirements
        if r.name not in PIP_ONLY
    }
    return {
        "python": str(Requirement(f"python{project['requires-python']}").specifier),
        **ranges,
    }


def from_conda(text: str) -> dict[str, str]:
    dependencies = yaml.safe_load(text)["dependencies"]
    requirements = [Requirement(line) for line in dependencies if isinstance(line, str)]
    return {r.name: str(r.specifier) for r in requirements}


PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_conda_and_pip_agree():
    assert from_conda(ENVIRONMENT) == from_pyproject(PYPROJECT)
    assert yaml.safe_load(ENVIRONMENT)["dependencies"][-1] == {"pip": ["-e ."]}


@pytest.mark.parametrize(
    ("old", "new"), [("torch>=2.6", "torch>=2.7"), ('    "nbval>=0.11",\n', "")]
)
def test_a_difference_would_be_found(old, new):
    assert PYPROJECT.count(old) == 1
    assert from_conda(ENVIRONMENT) != from_pyproject(PYPROJECT.replace(old, new))


def test_constraints_pin_every_dependency_within_its_range():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(
        re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)", line).groups()
        for line in lines
        if not line.startswith("#")
    )
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    for line in tomllib.loads(PYPROJECT)["project"]["dependencies"]:
        requirement = Requirement(line)
        if requirement.name != "pip":  # the one that is there already
            assert requirement.specifier.contains(
                pins[canonicalize_name(requirement.name)]
            ), line
