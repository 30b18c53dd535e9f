"""Numbers: sliders, progress, boxes, the player."""

from __future__ import annotations

from tests.browser.classes.case import Case, click, drag, enter, press

NUMBERS = [
    Case(
        "IntSlider",
        "it = w.IntSlider(7, min=-3, max=21, step=2, description='eins', readout_format='03d', tooltip='a tip',"
        " style={'handle_color': 'rgb(200, 30, 40)', 'description_width': '90px'},"
        " layout={'width': '345px', 'margin': '3px 5px', 'border': '2px dotted rgb(1, 2, 3)'})",
        press("ArrowRight", 2),
        "it.value",
        11,
    ),
    Case(
        "FloatSlider",
        "it = w.FloatSlider(2.5, min=0.5, max=9.5, step=0.25, description='upright', orientation='vertical',"
        " readout_format='.3f', layout={'height': '222px', 'width': '81px'})",
        press("ArrowUp", 3),
        "it.value",
        3.25,
    ),
    Case(
        "FloatLogSlider",
        "it = w.FloatLogSlider(10, base=10, min=0, max=4, step=0.5, description='log', layout={'width': '444px'})",
        press("ArrowRight", 2),
        "it.value",
        100.0,
    ),
    Case(
        "IntRangeSlider",
        "it = w.IntRangeSlider(value=(20, 80), description='range', continuous_update=False,"
        " layout={'width': '371px'})",
        press("ArrowRight"),
        "it.value",
        [21, 80],
    ),
    Case(
        # Of ranges a plain JupyterLab sends back what it is told, also what is old by then: here it is told once.
        "FloatRangeSlider",
        "it = w.FloatRangeSlider(value=(2.5, 7.5), max=10, continuous_update=False, step=0.5,"
        " description='floats', readout_format='.2f', layout={'width': '400px'})",
        drag(1.0, nth=1),
        "it.value",
        [2.5, 10.0],
    ),
    Case(
        "IntProgress",
        "it = w.IntProgress(3, min=1, max=9, description='loading', bar_style='warning',"
        " layout={'width': '360px', 'height': '33px'})",
        "it.value, it.bar_style = 8, 'danger'",
        "[it.value, it.bar_style]",
        [8, "danger"],
    ),
    Case(
        "FloatProgress",
        "it = w.FloatProgress(0.25, max=1, description='upwards', orientation='vertical',"
        " style={'bar_color': 'rgb(9, 99, 199)'}, layout={'height': '180px', 'width': '40px'})",
        "it.value, it.description = 0.75, 'more'",
        "[it.value, it.description]",
        [0.75, "more"],
    ),
    Case(
        "IntText",
        "it = w.IntText(12, step=3, description='any', layout={'width': '210px'})",
        press("ArrowUp", 2, selector="input"),
        "it.value",
        18,
    ),
    Case(
        "BoundedIntText",
        "it = w.BoundedIntText(7, min=2, max=50, description='bounded', layout={'width': '220px'})",
        enter("999"),
        "it.value",
        50,
    ),
    Case(
        "FloatText",
        "it = w.FloatText(0.1, step=0.05, description='float', disabled=False, layout={'width': '230px'})",
        enter("-2.5"),
        "it.value",
        -2.5,
    ),
    Case(
        "BoundedFloatText",
        "it = w.BoundedFloatText(7.5, min=-1, max=10, step=0.5, description='both', layout={'width': '240px'})",
        enter("-7"),
        "it.value",
        -1.0,
    ),
    Case(
        # Steps come in minutes: what is seen is that it plays.
        "Play",
        "it = w.Play(50, min=10, max=90, interval=600_000, description='play', show_repeat=True,"
        " layout={'width': '333px'})",
        click("button"),
        "it.playing",
        True,
    ),
]
