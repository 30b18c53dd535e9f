"""Takes the picture of the README: two windows on one busy kernel, side by side. ``python tools/picture.py``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from PIL import Image

from commdoc.cli.demo import tour
from commdoc.cli.demo_run import Demo, Watcher

OUT = Path(__file__).resolve().parents[1] / "docs" / "assets" / "two-windows.png"
GAP = 24


async def main() -> None:
    """Run the tour, and take the picture as soon as both windows show the moved slider."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, f"{name}.png")) for name in "ab"]
        demo = Demo(tour(), watcher=Watcher(say=print), pictures=paths)
        async with demo.start() as report:
            print(report)
        images = [Image.open(path) for path in paths]
        width = sum(image.width for image in images) + GAP * 3
        picture = Image.new("RGB", (width, images[0].height + 2 * GAP), "#d8dce3")
        for index, image in enumerate(images):
            picture.paste(image, (GAP + index * (image.width + GAP), GAP))
        OUT.parent.mkdir(parents=True, exist_ok=True)
        picture.resize((width * 3 // 4, picture.height * 3 // 4)).save(OUT, optimize=True)
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    asyncio.run(main())
