"""Texts, buttons, files, what is drawn or heard."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.browser.classes.case import Case, enter, write

FILE = bytes(range(256)) * 9


def upload(view: Locator) -> None:
    """Choose a file."""
    with view.page.expect_file_chooser() as chooser:
        view.click()
    chooser.value.set_files({"name": "f.bin", "mimeType": "application/octet-stream", "buffer": FILE})


TEXTS = [
    Case(
        "Text",
        "it = w.Text('Hello', placeholder='say', description='text', layout={'width': '351px'},"
        " style={'text_color': 'rgb(20, 120, 20)', 'background': 'rgb(240, 250, 240)'})",
        write(" Wörld 🎉"),
        "it.value",
        "Hello Wörld 🎉",
    ),
    Case(
        "Textarea",
        "it = w.Textarea('one\\ntwo', placeholder='say', rows=6, description='area', layout={'width': '352px'})",
        enter("a\nb", "textarea"),
        "it.value.rstrip()",
        "a\nb",
    ),
    Case(
        "Password",
        "it = w.Password(value='secret', description='pass', layout={'width': '353px'})",
        write("s"),
        "it.value",
        "secrets",
    ),
    Case(
        "Label",
        "it = w.Label('a label', style={'text_color': 'rgb(100, 0, 100)', 'font_weight': 'bold'},"
        " layout={'width': '140px'})",
        "it.value = 'another label'",
        "it.value",
        "another label",
    ),
    Case(
        "HTML",
        "it = w.HTML('Hello <b>World</b> <i class=\"c\">!</i>', description='html', placeholder='none',"
        " layout={'width': '354px'})",
        "it.value = 'costs <u>$5</u>, not $6'",
        "it.value",
        "costs <u>$5</u>, not $6",
    ),
    Case(
        "HTMLMath",
        "it = w.HTMLMath(r'math and <i>HTML</i>: \\(x^2\\) and $$\\frac{x+1}{x-1}$$', description='math',"
        " layout={'width': '355px'})",
        "it.value = r'<b>other</b> math: $\\alpha_3$'",
        "it.value",
        r"<b>other</b> math: $\alpha_3$",
    ),
    Case(
        "Button",
        "it = w.Button(description='press', icon='check', button_style='primary', tooltip='of a button',"
        " layout={'width': '166px', 'height': '40px'}, style={'font_size': '17px'})\n"
        "def pressed(button): button.description = button.description + 'ed'\n"
        "it.on_click(pressed)",
        lambda view: view.click(),
        "it.description",
        "pressed",
    ),
    Case(
        "FileUpload",
        "it = w.FileUpload(accept='.bin', multiple=True, description='files', button_style='warning',"
        " layout={'width': '167px'})",
        upload,
        "[(each.name, list(each.content)) for each in it.value]",
        [["f.bin", list(FILE)]],
    ),
    Case(
        "Image",
        "it = w.Image(value=picture('red', (30, 20)), format='png', width=60, height=44)",
        "it.value, it.width = picture('blue', (31, 21)), 90",
        "[len(it.value) == len(picture('blue', (31, 21))), it.width]",
        [True, "90"],
    ),
    Case(
        "Audio",
        "it = w.Audio(value=(folder / 'tone.wav').read_bytes(), format='wav', autoplay=False, loop=False,"
        " layout={'width': '299px'})",
        "it.value, it.loop = (folder / 'longer.wav').read_bytes(), True",
        "[len(it.value), it.loop]",
        [44 + 2 * 24_000, True],
    ),
    Case(
        "Video",
        "it = w.Video(value=(folder / 'film.webm').read_bytes(), format='webm', autoplay=False, width=128, height=96)",
        "it.loop, it.controls, it.width = False, False, '160'",
        "[it.loop, it.controls, it.width]",
        [False, False, "160"],
    ),
]
