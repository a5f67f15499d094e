"""Publish the stored lessons: pages with `make site`, decks with `make slides`.

`python -m tests.publish site` gathers the notebooks as they are stored, with a home page
made from the README, in build/site-source, hands them to Sphinx, and looks at every link
of the pages in build/site. Executes no cell. Needs `pip install ".[site]"`.
"""

import os.path
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

from tests.execute import COLLAPSED, QUESTIONS, REPOSITORY, ROOT

SITE = ROOT / "notebooks" / "site"
GLOSSARY = SITE / "glossary.md"
LESSONS = "[0-9]*.ipynb"  # a new lesson appears by itself
LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")  # to a file
NOT_A_LESSON = re.compile(r"\[([^\]]+)\]\((?!https?:|[0-9]|#)[^)]+\)")
HOME = ("", "The notebooks", "Find your question", "Start", "Licenses")  # of the README


def main(kind: str) -> None:
    try:
        from sphinx.cmd.build import main as sphinx
    except ImportError:
        sys.exit(
            'Sphinx is missing: pip install --constraint constraints.txt ".[site]"'
        )
    source, output = ROOT / "build" / f"{kind}-source", ROOT / "build" / kind
    for folder in (source, output):
        shutil.rmtree(folder, ignore_errors=True)
    gather(source, kind)
    builder = {"site": "html", "slides": "revealjs"}[kind]
    options = f"--fail-on-warning --keep-going --quiet -t {kind} -b {builder}".split()
    status = sphinx([*options, "-c", str(SITE), str(source), str(output)])
    found = problems(output)
    print(*found, sep="\n")
    if status or found:
        sys.exit(f"{len(found)} broken links, Sphinx returned {status}")
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    pages = sum("_static" not in p.parts for p in output.rglob("*.html"))
    print(f"{pages} pages, {size / 1e6:.0f} MB, all links lead somewhere: {output}")


def gather(source: Path, kind: str = "site") -> None:
    """Write what Sphinx reads: the notebooks, and the pages that are made from files."""
    lessons, others = sources()
    if kind == "slides":
        others = []
    for path in [*lessons, *others]:
        target = source / path.relative_to(ROOT / "notebooks")
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = path.parent.relative_to(ROOT).as_posix()
        notebook = page(nbformat.read(path, as_version=4), kind, folder)
        if path.parent.name == "solutions":
            notebook.metadata["orphan"] = True  # behind links, not in the side bar
        nbformat.write(notebook, target)
    names = [path.stem for path in lessons]
    if kind == "slides":
        (source / "index.md").write_text(slides_home(names), encoding="utf-8")
        return
    shutil.copytree(ROOT / "notebooks" / "figures", source / "figures")
    shutil.copy(GLOSSARY, source)
    pages = [path.stem for path in others if path.parent.name == "notebooks"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    contents = toctree("Lessons", names)
    contents += toctree("Look up", [*pages, "glossary", "solutions/index"])
    (source / "index.md").write_text(home(readme) + contents, encoding="utf-8")
    worked = [path.name for path in others if path.parent.name == "solutions"]
    text = (
        "# Solutions\n\nTry an exercise first: its check names the likely mistake.\n\n"
    )
    text += "".join(f"- [](<{name}>)\n" for name in worked)
    (source / "solutions" / "index.md").write_text(text, encoding="utf-8")


def sources() -> tuple[list[Path], list[Path]]:
    """The lessons, and the other notebooks, solutions last."""
    folder = ROOT / "notebooks"
    lessons = sorted(folder.glob(LESSONS))
    others = [
        *sorted(folder.glob("*.ipynb")),
        *sorted(folder.glob("solutions/*.ipynb")),
    ]
    return lessons, [path for path in others if path not in (*lessons, QUESTIONS)]


def page(notebook, kind: str = "site", folder: str = "notebooks"):
    """A notebook as the page shows it: without the cells that no reader came for."""
    for cell in notebook.cells:
        if COLLAPSED & set(cell.metadata.get("tags", [])):
            cell.metadata.tags.append("remove-cell")
        elif kind == "slides" and "your code instead of this line" in cell.source:
            cell.metadata["tags"] = ["remove-cell"]  # the deck shows the task
        if cell.cell_type == "markdown":
            if kind == "slides":  # there are decks of the lessons only
                text = re.sub(r"^\[Solution\]\(.+\)$", "", cell.source, flags=re.M)
                cell.source = NOT_A_LESSON.sub(r"\1", text)
            cell.source = LINK.sub(
                lambda link: f"]({moved(link[1], folder)})", cell.source
            )
    return notebook


def home(readme: str) -> str:
    """The README's parts for a reader, with links as they are from among the pages."""
    title, *parts = re.split(r"^## ", readme, flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0]: f"## {part}" for part in parts} | {"": title}
    text = "".join(sections[name] for name in HOME)
    return LINK.sub(lambda link: f"]({moved(link[1])})", text)


def moved(target: str, folder: str = "") -> str:
    """Where a link from a file in `folder` leads on the pages, or in the repository."""
    path = os.path.normpath(os.path.join(folder, target.partition("#")[0]))
    if path == f"notebooks/{QUESTIONS.name}":
        return "index.md#Find-your-question" if folder else "#Find-your-question"
    if path == "notebooks/solutions":
        return "solutions/index.md"
    if path.startswith("notebooks/") and path.endswith((".ipynb", ".png")):
        return target if folder else target.removeprefix("notebooks/")
    return f"{REPOSITORY}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"


def anchor(heading: str) -> str:
    """JupyterLab's, so that `x.ipynb#The-symptom:-…` leads to its heading here, too."""
    return heading.replace(" ", "-")


def toctree(caption: str, names: list[str]) -> str:
    head = f":caption: {caption}\n" if caption else ""
    return "\n```{toctree}\n:hidden:\n" + head + "\n".join(["", *names]) + "\n```\n"


def slides_home(names: list[str]) -> str:
    links = "\n".join(f"- [](<{name}.ipynb>)" for name in names)
    return f"# How a sentence becomes a vector\n\n{links}\n" + toctree("", names)


def explained_in(glossary: str) -> dict[str, str]:
    """Term in lower case -> the lesson that explains it first."""
    places, terms = {}, []
    for line in glossary.split("{glossary}")[1].splitlines():
        if re.match(r"\w", line):
            terms.append(line.lower())
        elif terms and (link := re.search(r"\]\(([^)#]+)\.ipynb", line)):
            places |= dict.fromkeys(terms, link[1])
            terms = []
    return places


def first_mention(text: str, wanted: set[str], terms) -> re.Match | None:
    """The first of the `wanted` terms in a text, as a word of its own.

    Not inside of a longer one of all `terms`: a cross-encoder is no mention of encoder.
    """
    words = "|".join(map(re.escape, sorted(terms, key=len, reverse=True)))
    for found in re.finditer(rf"\b({words})(?=s?\b)", text, re.IGNORECASE):
        if found.group().lower() in wanted:
            return found
    return None


class Page(HTMLParser):
    """What a page defines and what it asks for."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.scripts = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs.get("id"), attrs.get("name")}
        if tag == "a" and attrs.get("href"):
            self.links.add(attrs["href"])
        loaded = attrs.get("src") or (attrs.get("href") if tag == "link" else None)
        if loaded and not loaded.startswith("data:"):
            self.scripts.add(loaded)


def problems(folder: Path) -> list[str]:
    """Links that lead nowhere, and whatever a page would load from outside."""
    shown = [
        path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts
    ]
    pages = {path.resolve(): Page(path) for path in shown}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for link in sorted(page.links | page.scripts):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.scripts and "canonical" not in link:
                    found.append(f"{name}: loads {link}")
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            anchor = unquote(url.fragment)
            if not there.is_file():
                found.append(f"{name}: no file {link}")
            elif anchor and there in pages and anchor not in pages[there].ids:
                found.append(f"{name}: no heading {link}")
    return found


if __name__ == "__main__":
    main(sys.argv[1])
