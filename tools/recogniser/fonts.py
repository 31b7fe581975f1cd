"""Fonts with all letters of Vietnamese: those of offices, others, and of handwriting.

    npm install --prefix FOLDER $(python -m tools.recogniser.fonts --names)
    python -m tools.recogniser.fonts FOLDER

The packages (SIL Open Font License, Apache 2.0) hold each font in subsets; they are joined to whole fonts in FOLDER/ttf.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from fontTools.merge import Merger, Options
from fontTools.ttLib import TTFont

# ruff: noqa: E501, SIM905 lists of names read better as text

OFFICE = ("tinos", "arimo", "cousine", "carlito")
"""Of the measures of Times New Roman, Arial, Courier New and Calibri."""
HAND = (
    "dancing-script patrick-hand mali itim charm charmonman sriracha pangolin mansalva sedgwick-ave great-vibes "
    "playpen-sans grandstander lavishly-yours shantell-sans mynerve ephesis bad-script borel style-script kodchasan "
    "oooh-baby praise vujahday-script licorice puppies-play island-moments gwendolyn corinthia"
).split()
PRINT = (
    "tinos arimo cousine carlito be-vietnam-pro noto-serif noto-sans roboto open-sans merriweather lora source-serif-4 "
    "source-sans-3 eb-garamond crimson-pro montserrat inter old-standard-tt roboto-mono barlow literata playfair-display "
    "nunito cormorant-garamond saira signika spectral taviraj trirong vollkorn alegreya philosopher prata bitter faustina "
    "manuale markazi-text podkova asap athiti encode-sans exo fira-sans lexend mulish plus-jakarta-sans public-sans quicksand "
    "raleway work-sans jetbrains-mono space-mono ibm-plex-serif ibm-plex-sans"
).split()
SUBSETS = ("latin", "latin-ext", "vietnamese")
NOT_NEEDED = (
    *"GSUB GPOS GDEF kern hdmx VDMX LTSH DSIG STAT fvar gvar avar HVAR MVAR prep fpgm gasp".split(),
    "cvt ",
)
SYSTEM = Path("/usr/share/fonts")
TELLING = "ăâđêôơưẠạẾếỗữỹỵ0123456789abcxyzABCXYZ"


@dataclass(frozen=True, slots=True)
class Fonts:
    """Files."""

    office: tuple[str, ...]
    others: tuple[str, ...]
    hand: tuple[str, ...]


@lru_cache(maxsize=1)
def known(folder: Path) -> Fonts:
    """The fonts of the folder and of this machine that have all letters; those of offices where there are no others."""
    office, others, hand = [], [], []
    for path in [*sorted(folder.rglob("*.ttf")), *sorted(SYSTEM.rglob("*.ttf"))]:
        name = path.name.lower()
        if not set(map(ord, TELLING)) <= letters(str(path)):
            continue
        if name.startswith(tuple(HAND)):
            hand.append(str(path))
        elif name.startswith(OFFICE):
            office.append(str(path))
        else:
            others.append(str(path))
    return Fonts(tuple(office), tuple(others or office), tuple(hand or office))


@cache
def letters(path: str) -> frozenset[int]:
    """The characters that a font can draw; none when it cannot be opened."""
    try:
        return frozenset(TTFont(path, lazy=True).getBestCmap() or ())
    except Exception:  # whatever is wrong with a font, it is left out
        return frozenset()


def join(package: Path, weight: str, style: str, into: Path) -> Path | None:
    """One font of a package as a whole TTF; None when it has no Vietnamese."""
    name = package.name
    parts = [package / "files" / f"{name}-{subset}-{weight}-{style}.woff2" for subset in SUBSETS]
    if not (parts[0].exists() and parts[2].exists()):
        return None
    out = into / f"{name}-{weight}-{style}.ttf"
    pieces = []
    for part in filter(Path.exists, parts):
        font = TTFont(part)
        font.flavor = None
        for table in NOT_NEEDED:
            if table in font:
                del font[table]
        pieces.append(out.with_name(f".{part.stem}.ttf"))
        font.save(pieces[-1])
    Merger(options=Options(drop_tables=["GSUB", "GPOS", "GDEF"])).merge([str(p) for p in pieces]).save(out)
    for piece in pieces:
        piece.unlink()
    return out


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path, nargs="?")
    asked.add_argument("--names", action="store_true", help="the packages' names")
    told = asked.parse_args()
    if told.names or told.folder is None:
        print(*(f"@fontsource/{name}" for name in [*PRINT, *HAND]))
        return
    into = told.folder / "ttf"
    into.mkdir(exist_ok=True)
    for package in sorted((told.folder / "node_modules" / "@fontsource").iterdir()):
        for weight in ("400", "700"):
            for style in ("normal", "italic"):
                join(package, weight, style, into)
    print(len(list(into.glob("*.ttf"))), "fonts")


if __name__ == "__main__":
    main()
