"""What anybody gets from tesserocr: pictures in, text out, nothing else.

    python bench/bare.py PICTURES.json

PICTURES.json: [{"id", "pictures": [[path, dpi], …]}, …]. Prints a line of JSON per scan.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from PIL import Image
from tesserocr import PSM, PyTessBaseAPI

TESSDATA = os.environ["TESSDATA_PREFIX"]
Image.MAX_IMAGE_PIXELS = None


def main() -> None:
    with PyTessBaseAPI(path=TESSDATA, lang="vie", psm=PSM.AUTO) as api:
        for scan in json.loads(Path(sys.argv[1]).read_text()):
            pages = []
            for index, (path, dpi) in enumerate(scan["pictures"]):
                with Image.open(path) as picture:
                    api.SetImage(picture)
                api.SetSourceResolution(dpi)
                pages.append({"index": index, "text": api.GetUTF8Text()})
            print(json.dumps({"id": scan["id"], "pages": pages}))


if __name__ == "__main__":
    main()
