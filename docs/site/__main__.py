"""Build the site: `python -m docs.site [FOLDER]`, by default into build/site. Warnings and broken links are errors."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site.links import broken_links
from docs.site.reference import write_reference
from docs.site.staging import stage

ROOT = Path(__file__).parents[2]


def main(out: Path) -> int:
    """Build into a folder, which is emptied first, and return the exit status."""
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder, "pages").resolve()
        stage(ROOT, pages)
        write_reference(pages / "docs/reference/python")
        conf = str(Path(__file__).parent)
        status = build_main(
            ["-q", "-W", "--keep-going", "-c", conf, "-d", f"{folder}/trees", str(pages), str(out)]
        )
    wrong = [] if status else broken_links(out)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    if not status and not wrong:
        sys.stdout.write(f"{out}/index.html\n")
    return status or bool(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/site")))
